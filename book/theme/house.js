// The language switch keeps the section: it takes along the id of the section that is being read, which is the
// same in both languages.
(function () {
    const link = document.querySelector('a.language');
    if (!link) {
        return;
    }
    const page = link.getAttribute('href');

    function place() {
        const marked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
        const places = [...document.querySelectorAll('main :is(h2, h3, h4, h5, h6, .claim)[id]')];
        const visible = e => e.getBoundingClientRect().bottom > 0 && e.getBoundingClientRect().top < innerHeight;
        if (marked && places.includes(marked) && visible(marked)) {
            return '#' + marked.id;
        }
        // The heading at the top of the window; where there is none, the one that was scrolled past last.
        const headings = places.filter(e => e.matches(':not(.claim)') && e.getBoundingClientRect().top < innerHeight / 3);
        const read = headings.find(visible) ?? headings[headings.length - 1];
        return read ? '#' + read.id : '';
    }

    for (const event of ['pointerdown', 'focus', 'click']) {
        link.addEventListener(event, () => link.setAttribute('href', page + place()));
    }
})();

// A link to a claim opens its badge.
(function () {
    function open() {
        const target = location.hash.startsWith('#claim-') && document.getElementById(location.hash.slice(1));
        const details = target && target.querySelector('details');
        if (details) {
            details.open = true;
        }
    }
    addEventListener('hashchange', open);
    open();
})();

// What scrolls sideways can be scrolled with the arrow keys, too.
(function () {
    const wide = [...document.querySelectorAll('main :is(.view, .tex-display, .table-wrapper, pre > code)')];
    function reach() {
        for (const box of wide) {
            box.toggleAttribute('tabindex', box.scrollWidth > box.clientWidth);
            if (box.hasAttribute('tabindex')) {
                box.tabIndex = 0;
            }
        }
    }
    addEventListener('resize', reach);
    addEventListener('load', reach);
    document.fonts.ready.then(reach);
})();

// The button of the table of contents is a label, which knows no keys.
(function () {
    const button = document.getElementById('mdbook-sidebar-toggle');
    button?.addEventListener('keydown', event => {
        if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            button.click();
        }
    });
})();
