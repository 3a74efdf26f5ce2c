// Looks at a built site with a browser, as its readers do.
//
//     node check.mjs SITE [SCREENSHOTS]
//
// SITE is the directory that `cargo book build` wrote. It is served here on the loopback address alone. The
// browser is the one that $CHROMIUM names, or the first one found.
import { chromium } from 'playwright-core';
import { createServer } from 'node:http';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, relative, resolve, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const [site, screenshots] = process.argv.slice(2).map(path => resolve(path));
if (!site || !existsSync(join(site, 'index.html'))) {
    console.error('usage: node check.mjs SITE [SCREENSHOTS], where SITE holds a built book');
    process.exit(2);
}
if (screenshots) {
    mkdirSync(screenshots, { recursive: true });
}

// ---- counting

let passed = 0;
let failed = 0;
function check(good, what) {
    if (good) {
        passed += 1;
    } else {
        failed += 1;
        console.log(`FAILED  ${what}`);
    }
    return good;
}

// ---- the site, on the loopback address

const TYPES = {
    '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.json': 'application/json',
    '.png': 'image/png', '.svg': 'image/svg+xml', '.ttf': 'font/ttf', '.woff2': 'font/woff2',
};
const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    let file = resolve(join(site, path));
    if (existsSync(file) && statSync(file).isDirectory()) {
        file = join(file, 'index.html');
    }
    const found = (file === site || file.startsWith(site + sep)) && existsSync(file);
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(found ? file : '404.html')] ?? 'application/octet-stream' });
    response.end(readFileSync(found ? file : join(site, '404.html')));
});
await new Promise(ready => server.listen(0, '127.0.0.1', ready));
const home = `http://127.0.0.1:${server.address().port}`;

function htmlFiles(dir) {
    return readdirSync(dir, { withFileTypes: true }).flatMap(entry => {
        const path = join(dir, entry.name);
        return entry.isDirectory() ? htmlFiles(path) : path.endsWith('.html') ? [path] : [];
    });
}
const pages = htmlFiles(site).map(file => relative(site, file).split(sep).join('/')).sort();
const isPrint = page => /(^|\/)print\.html$/.test(page);
const isSource = page => page.startsWith('source/');
// The table of contents for readers without scripts is shown in a frame; the printed book repeats the others.
const isChapter = page => !isSource(page) && !/(^|\/)(toc|print|404)\.html$/.test(page);
const chapters = pages.filter(isChapter);

// ---- the browser

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env.CHROMIUM || candidates.find(existsSync);
if (!executablePath) {
    console.error('no browser found; set CHROMIUM to the path of a Chromium or Chrome');
    process.exit(2);
}
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

async function open(width, theme, options) {
    const context = await browser.newContext({
        ...options,
        viewport: { width, height: 900 },
        colorScheme: theme === 'light' ? 'light' : 'dark',
        reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(120_000);
    await context.addInitScript(() => { window.print = () => {}; });
    const page = await context.newPage();
    page.on('request', request => {
        const url = new URL(request.url());
        if (url.protocol !== 'data:' && url.origin !== home) {
            check(false, `${page.url()} asks another host: ${request.url()}`);
        }
    });
    page.on('pageerror', error => check(false, `${page.url()}: ${error.message}`));
    page.on('console', message => {
        // A page that is not there is asked for on purpose, and an icon by the browser where none is named.
        const expected = page.url().includes('no-such-page') || message.location().url.endsWith('/favicon.ico');
        if (message.type() === 'error' && !expected) {
            check(false, `${page.url()}: ${message.text()}`);
        }
    });
    return page;
}

// ---- every page, wide and light, narrow and dark

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const ids = new Map();
const links = [];

// What is wider than the page, and not inside something that scrolls by itself.
function overflowing() {
    const width = document.documentElement.clientWidth;
    const scrolls = element => {
        for (let e = element; e && e.id !== 'mdbook-content' && e !== document.body; e = e.parentElement) {
            if (['auto', 'scroll'].includes(getComputedStyle(e).overflowX)) {
                return true;
            }
        }
        return false;
    };
    return [...document.querySelectorAll('main *, .menu-bar, .menu-bar *, header *')]
        .filter(e => !e.ownerSVGElement && getComputedStyle(e).visibility !== 'hidden')
        .filter(e => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && (box.right > width + 1 || box.left < -1) && !scrolls(e);
        })
        .map(e => `<${e.tagName.toLowerCase()} class="${e.getAttribute('class') ?? ''}"> ${e.textContent.trim().slice(0, 40)}`);
}

// How many bytes a reader fetches for a page, compressed as static hosts do it, without fonts.
const weights = new Map();
function weight(path) {
    if (/\.(ttf|woff2?)$/.test(path) || !existsSync(join(site, path))) {
        return 0;
    }
    if (!weights.has(path)) {
        weights.set(path, gzipSync(readFileSync(join(site, path))).length);
    }
    return weights.get(path);
}
const LIMIT = 500_000;
const heaviest = { page: '', weight: 0, raw: 0 };

// In both themes, and with a different width in each.
async function look(page, name, width, theme) {
    const asked = new Set();
    const note = request => asked.add(decodeURIComponent(new URL(request.url()).pathname).slice(1));
    page.on('request', note);
    const response = await page.goto(`${home}/${name}`);
    check(response.status() === 200, `${name} answers ${response.status()}`);
    await page.evaluate(() => document.fonts.ready);
    page.off('request', note);
    if (name.endsWith('toc.html')) {
        ids.set(name, new Set());
        return;
    }
    const dark = await page.evaluate(() => {
        const ground = [document.body, document.documentElement].map(e => getComputedStyle(e).backgroundColor);
        const [r, g, b] = ground.find(color => !/, 0\)$/.test(color)).match(/\d+/g).map(Number);
        return r + g + b < 384;
    });
    check(dark === (theme === 'dark'), `${name} does not follow the ${theme} theme`);
    const wide = await page.evaluate(overflowing);
    check(wide.length === 0, `${name} at ${width} px: wider than the page: ${wide.slice(0, 3).join(' | ')}`);
    const loose = await page.evaluate(comesLoose);
    check(loose.length === 0, `${name} at ${width} px: a line begins or ends beside a formula: ${loose.slice(0, 3).join(' | ')}`);
    const small = await page.evaluate(tooSmall);
    check(small.length === 0, `${name} at ${width} px: labels of figures below 11 px: ${small.slice(0, 3).join(' | ')}`);
    if (screenshots && isChapter(name)) {
        await page.screenshot({ path: join(screenshots, `${name.replaceAll('/', '-')}-${width}-${theme}.png`), fullPage: true });
    }
    // The printed book repeats the other pages, all of them: it is as heavy as they are together.
    if (!isPrint(name)) {
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        for (const { id, impact, nodes } of violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))) {
            check(false, `${name} at ${width} px, ${theme}: ${impact}: ${id}, ${nodes.length} times, first ${nodes[0].html.slice(0, 150)}`);
        }
        check(true, 'axe');
    }
    if (width !== 1280) {
        return;
    }
    if (!isPrint(name)) {
        const fetched = [...asked].reduce((sum, path) => sum + weight(path), 0);
        const raw = statSync(join(site, name)).size;
        check(fetched < LIMIT, `${name} weighs ${fetched} bytes`);
        check(raw < LIMIT, `${name} is ${raw} bytes long`);
        if (fetched > heaviest.weight) {
            Object.assign(heaviest, { page: name, weight: fetched, raw });
        }
    }
    const seen = await page.evaluate(() => {
        const text = node => node.nodeType === Node.TEXT_NODE ? node.data
            : node.nodeType === Node.ELEMENT_NODE && !node.matches('code, pre, script, style, svg') ? [...node.childNodes].map(text).join('') : '';
        const meta = selector => document.querySelector(selector)?.content ?? '';
        return {
            lang: document.documentElement.lang,
            title: document.title,
            ids: [...document.querySelectorAll('[id]')].map(e => e.id),
            links: [...document.querySelectorAll('a[href], link[rel=canonical]')].map(a => a.href),
            unlabelled: [...document.querySelectorAll('[role=img]:not([aria-label]), [role=img][aria-label=""], img:not([alt])')].length,
            unresolved: document.body.innerHTML.includes('data-press') || /\b(claims?|cell|code|notation)\[/.test(text(document.querySelector('main'))) || /\$\S/.test(text(document.querySelector('main'))),
            described: [meta('meta[name=description]'), meta('meta[property="og:description"]'), meta('meta[property="og:title"]')],
        };
    });
    const lang = isSource(name) || name.startsWith('en/') ? 'en' : 'ko';
    check(seen.lang === lang, `${name} says that its language is "${seen.lang}"`);
    check(/\S/.test(seen.title) && !/[<$\\]/.test(seen.title), `${name} has the title "${seen.title}"`);
    check(seen.unlabelled === 0, `${name} has ${seen.unlabelled} images without a label`);
    check(isSource(name) || !seen.unresolved, `${name} shows something unresolved`);
    if (isChapter(name)) {
        check(seen.described.every(text => /\S/.test(text) && !/[$\\]|\]\(/.test(text)), `${name} describes itself as ${seen.described.join(' | ')}`);
    }
    ids.set(name, new Set(seen.ids));
    links.push(...seen.links.map(link => ({ from: name, link })));
}

// Whether a formula and what clings to it, without a space between, are on different lines.
function comesLoose() {
    const loose = [];
    for (const tex of document.querySelectorAll('main .cling .tex')) {
        const svgs = tex.querySelectorAll('svg');
        if (!tex.checkVisibility?.() || svgs.length === 0) {
            continue;
        }
        const words = document.createTreeWalker(tex.closest('p, li, td, th, dd, figcaption, h1, h2, h3, h4, h5, h6') ?? tex.parentElement, NodeFilter.SHOW_TEXT);
        let before = null;
        let after = null;
        for (let text; (text = words.nextNode());) {
            if (text.parentElement.closest('svg') || text.data.replaceAll('\u2060', '') === '') {
                continue;
            }
            const place = tex.compareDocumentPosition(text);
            if (place & Node.DOCUMENT_POSITION_PRECEDING) {
                before = text;
            } else if (place & Node.DOCUMENT_POSITION_FOLLOWING && !after) {
                after = text;
            }
        }
        const box = (text, at) => {
            const range = document.createRange();
            range.setStart(text, at);
            range.setEnd(text, at + 1);
            return range.getBoundingClientRect();
        };
        if (before && /\S$/.test(before.data) && box(before, before.length - 1).right > svgs[0].getBoundingClientRect().left + 6) {
            loose.push(before.data.slice(-12));
        }
        if (after && /^\S/.test(after.data) && box(after, 0).left < svgs[svgs.length - 1].getBoundingClientRect().right - 6) {
            loose.push(after.data.slice(0, 12));
        }
    }
    return loose;
}

function tooSmall() {
    return [...document.querySelectorAll('figure.plot .view text')]
        .filter(text => text.ownerSVGElement.checkVisibility?.() && text.textContent.trim() !== '')
        .filter(text => parseFloat(text.getAttribute('font-size')) * text.ownerSVGElement.getBoundingClientRect().width / text.ownerSVGElement.viewBox.baseVal.width < 10.9)
        .map(text => text.textContent);
}

// Several pages are looked at together: most of the time goes into waiting.
async function each(names, width, theme, what, options) {
    const queue = [...names];
    await Promise.all(Array.from({ length: 4 }, async () => {
        const page = await open(width, theme, options);
        for (let name; (name = queue.shift());) {
            await what(page, name, width, theme).catch(error => check(false, `${name} at ${width} px: ${error.message}`));
        }
        await page.context().close();
    }));
}
for (const [width, theme] of [[1280, 'light'], [390, 'dark']]) {
    await each(pages, width, theme, look);
}
console.log(`the heaviest page is ${heaviest.page}: ${heaviest.weight} bytes compressed, with all but fonts; ${heaviest.raw} bytes as it stands`);

// ---- without scripts: everything but the search and the switch to the same section

await each(chapters, 1280, 'light', async (page, name) => {
    await page.goto(`${home}/${name}`);
    const seen = await page.evaluate(() => {
        const shows = element => element !== null && element.checkVisibility() && element.getBoundingClientRect().height > 0;
        const all = selector => [...document.querySelectorAll(selector)];
        return {
            text: shows(document.querySelector('main h1')) && document.querySelector('main').innerText.length > 200,
            drawings: all('main .tex svg, main figure svg').filter(svg => !svg.closest('details')).every(shows),
            contents: shows(document.querySelector('#mdbook-sidebar iframe')),
            language: shows(document.querySelector('a.language')),
            next: all('.nav-chapters').some(shows),
        };
    });
    for (const [what, good] of Object.entries(seen)) {
        check(good, `${name} without scripts: ${what}`);
    }
    const badge = page.locator('.claim details').first();
    if (await badge.count() > 0) {
        await badge.locator('summary').click();
        check(await badge.evaluate(e => e.open), `${name} without scripts: a badge does not open`);
    }
}, { javaScriptEnabled: false });

function leadsSomewhere(link) {
    const url = new URL(link);
    const path = decodeURIComponent(url.pathname).slice(1);
    const name = path === '' || path.endsWith('/') ? `${path}index.html` : path;
    if (!existsSync(join(site, name))) {
        return false;
    }
    const id = decodeURIComponent(url.hash.slice(1));
    return id === '' || !ids.has(name) || ids.get(name).has(id);
}
for (const { from, link } of links.filter(({ link }) => link.startsWith(home))) {
    check(leadsSomewhere(link), `${from} leads to ${link.slice(home.length)}, which is not there`);
}

// ---- search

async function search(page, start, query) {
    await page.goto(`${home}/${start}`);
    await page.keyboard.press('/');
    await page.locator('#mdbook-searchbar').fill(query);
    await page.locator('#mdbook-searchbar').press('End');
    await page.locator('#mdbook-searchresults-outer:not(.hidden)').waitFor({ timeout: 10000 }).catch(() => {});
    return page.evaluate(() => [...document.querySelectorAll('#mdbook-searchresults li')].map(li => ({
        link: li.querySelector('a').href,
        text: li.textContent,
    })));
}
{
    const page = await open(1280, 'light');
    for (const [start, query] of [['index.html', '정규화'], ['index.html', '소실'], ['index.html', 'batch'], ['en/index.html', 'variance'], ['en/index.html', 'normalizing']]) {
        const found = await search(page, start, query);
        check(found.length > 0, `the search for ${query} finds nothing`);
        for (const { link, text } of found) {
            check(leadsSomewhere(link), `the search for ${query} leads to ${link.slice(home.length)}, which is not there`);
            check(!/data-press|<\/|&#\d|\\[a-z]+\{/.test(text), `the search for ${query} shows markup: ${text.slice(0, 80)}`);
        }
        if (found.length > 0) {
            await page.locator('#mdbook-searchresults a').first().click();
            await page.waitForLoadState();
            check(isChapter(new URL(page.url()).pathname.slice(1)), `the first result for ${query} is no chapter`);
        }
    }
    check((await search(page, 'index.html', '배치귤화')).length === 0, 'the search finds what is not in the book');
    await page.context().close();
}

// ---- the language switch, the badges

{
    const page = await open(1280, 'light');
    for (const name of chapters.filter(name => !name.startsWith('en/'))) {
        await page.goto(`${home}/${name}`);
        const sections = await page.evaluate(() => [...document.querySelectorAll('main h2[id]')].map(e => e.id));
        const section = sections[Math.floor(sections.length / 2)];
        await page.goto(`${home}/${name}${section ? `#${section}` : ''}`);
        for (const [from, to] of [['', 'en/'], ['en/', '']]) {
            await page.locator('a.language').click();
            await page.waitForURL(url => url.pathname === `/${to}${name}`, { timeout: 5000 }).catch(() => {});
            const at = new URL(page.url());
            const good = at.pathname === `/${to}${name}` && (!section || at.hash === `#${section}`);
            check(good, `the switch on ${from}${name}#${section ?? ''} leads to ${at.pathname}${at.hash}`);
            check(!section || await page.evaluate(id => document.getElementById(id) !== null, section), `${to}${name} has no section ${section}`);
        }
        if (section) {
            // The section that is on the screen, without having been chosen.
            await page.goto(`${home}/${name}`);
            await page.evaluate(id => document.getElementById(id).scrollIntoView(), section);
            await page.locator('a.language').focus();
            check((await page.locator('a.language').getAttribute('href')).endsWith(`#${section}`), `the switch on ${name} does not know the section ${section} that is being read`);
        }
    }
    for (const [missing, expected] of [['no-such-page.html', '/en/index.html'], ['en/no-such-page.html', '/en/index.html']]) {
        const response = await page.goto(`${home}/${missing}`);
        check(response.status() === 404, `${missing} answers ${response.status()}`);
        await page.locator('a.language').click();
        await page.waitForLoadState();
        check(new URL(page.url()).pathname === expected, `from ${missing} the switch leads to ${page.url()}`);
    }
    const cited = chapters.find(name => [...ids.get(name)].some(id => id.startsWith('claim-')));
    if (check(cited, 'no page shows a claim')) {
        await page.goto(`${home}/${cited}`);
        const badge = page.locator('.claim details').first();
        await badge.locator('summary').focus();
        await page.keyboard.press('Enter');
        check(await badge.evaluate(e => e.open), `a badge on ${cited} does not open by keyboard`);
        const id = await page.locator('.claim').last().getAttribute('id');
        await page.goto(`${home}/${cited}#${id}`);
        check(await page.locator('.claim').last().locator('details').evaluate(e => e.open), `the badge ${id} does not open by its link`);
    }
    await page.context().close();
}

await browser.close();
server.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
