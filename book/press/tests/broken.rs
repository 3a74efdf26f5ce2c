//! Whatever an author breaks is told with its file, its line and what was expected.

mod fixture;
use fixture::Fixture;

/// Breaks the sound book and expects these complaints, in order; each is a beginning and a part.
fn breaks(how: impl Fn(&Fixture), expected: &[(&str, &str)]) {
    let fixture = Fixture::new();
    how(&fixture);
    let problems = fixture.problems();
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, (place, part)) in problems.iter().zip(expected) {
        assert!(
            problem.starts_with(&format!("{place}: ")),
            "{place} is not the place of {problem}"
        );
        assert!(problem.contains(part), "{part:?} is not in {problem}");
    }
}

#[test]
fn the_fixture_is_sound() {
    assert_eq!(Fixture::new().problems(), [""; 0]);
}

#[test]
fn a_formula() {
    breaks(
        |f| f.edit("book/ko/forward.md", "\\frac{1}{m}", "\\fracc{1}{m}"),
        &[("book/ko/forward.md:14", "\\fracc")],
    );
    breaks(
        |f| f.edit("book/en/forward.md", "| $\\hat{x}$", "| $\\hatt{x}$"),
        &[("book/en/forward.md:10", "\\hatt")],
    );
    breaks(
        |f| f.edit("book/ko/forward.md", "에서 `eps`", "와 $\\frac{1}$에서 `eps`"),
        &[("book/ko/forward.md:20", "caption")],
    );
    breaks(
        |f| f.edit("book/ko/start.md", "**는", "**는 $x"),
        &[("book/ko/start.md:3", "a `$` without its partner")],
    );
}

#[test]
fn an_anchor_a_cell_an_output_a_source() {
    breaks(
        |f| f.edit("examples/forward.rs", "ANCHOR: four", "ANCHOR: five"),
        &[
            ("book/en/forward.md:16", "no line `// ANCHOR: four`; it has: `five`, `inner`"),
            ("book/ko/forward.md:16", "examples/forward.rs"),
        ],
    );
    // It may stand in a file of its own, below the example.
    breaks(
        |f| f.write("examples/forward/four.rs", "// ANCHOR: other\n1\n// ANCHOR_END: other\n"),
        &[
            ("book/en/forward.md:16", "no line `// ANCHOR: four`"),
            ("book/ko/forward.md:16", "examples/forward/four.rs"),
        ],
    );
    breaks(
        |f| f.edit("book/out/forward.txt", "## four", "## five"),
        &[
            ("book/en/forward.md:16", "no section `## four` in book/out/forward.txt"),
            ("book/ko/forward.md:16", "cargo run --release --example forward"),
        ],
    );
    breaks(
        |f| f.remove("book/out/forward.txt"),
        &[("book/en/forward.md:16", "no output"), ("book/ko/forward.md:16", "no output")],
    );
    breaks(
        |f| f.remove("src/norm.rs"),
        &[
            ("book/en/forward.md:18", "no file src/norm.rs"),
            ("book/ko/forward.md:18", "no file src/norm.rs"),
        ],
    );
}

#[test]
fn a_figure() {
    breaks(
        |f| f.remove("book/out/forward/line.ko.svg"),
        &[("book/ko/forward.md:20", "no figure book/out/forward/line.ko.svg")],
    );
    breaks(
        |f| f.write("book/out/forward/line.en.svg", "<p>"),
        &[("book/en/forward.md:20", "no <svg>")],
    );
    breaks(
        |f| f.edit("book/en/forward.md", "line.en.svg", "line.ko.svg"),
        &[
            ("book/en/forward.md:20", ".en.svg"),
            ("book/ko/forward.md:20", "no counterpart in book/en/forward.md"),
        ],
    );
}

#[test]
fn a_claim() {
    breaks(
        |f| f.edit("tests/claims/forward.rs", "fn mean_is_zero", "fn mean_is_one"),
        &[
            (
                "book/en/forward.md:12",
                "no test `mean_is_zero` in tests/claims/forward.rs; it has: `mean_is_one`",
            ),
            ("book/ko/forward.md:12", "no test `mean_is_zero`"),
            ("book/out/claims/forward.mean_is_zero.json", "belongs to no claim"),
            ("tests/claims/forward.rs:5", "no chapter in either language cites this claim"),
            ("tests/claims/forward.rs:5", "BLESS=1 cargo test --test claims forward::mean_is_one"),
        ],
    );
    breaks(
        |f| f.edit("tests/claims/forward.rs", "#[test]", "#[test]\n#[ignore]"),
        &[
            ("book/en/forward.md:12", "`#[ignore]`d in tests/claims/forward.rs:6"),
            ("book/ko/forward.md:12", "`#[ignore]`d"),
        ],
    );
    breaks(
        |f| f.edit("tests/claims/main.rs", "mod forward;", "mod forward;\nmod backward;"),
        &[("tests/claims/main.rs:2", "no file tests/claims/backward.rs")],
    );
}

#[test]
fn evidence() {
    let file = "book/out/claims/forward.mean_is_zero.json";
    breaks(
        |f| f.remove(file),
        &[(
            "tests/claims/forward.rs:5",
            "run `BLESS=1 cargo test --test claims forward::mean_is_zero`",
        )],
    );
    breaks(
        |f| f.edit(file, "wrong variant", "magic"),
        &[("book/out/claims/forward.mean_is_zero.json:2", "magic")],
    );
}

#[test]
fn one_language_without_the_other() {
    breaks(
        |f| f.edit("book/en/forward.md", "\nclaim[forward::mean_is_zero]\n", ""),
        &[
            ("book/ko/forward.md:12", "no counterpart in book/en/forward.md"),
            ("tests/claims/forward.rs:5", "no chapter under book/en cites this claim"),
        ],
    );
    breaks(
        |f| f.edit("book/en/forward.md", "{#mean}", "{#average}"),
        &[
            ("book/en/start.md:3", "no heading with the id `mean`; it has: `average`"),
            ("book/ko/forward.md:3", "{#average}` in book/en/forward.md:3"),
        ],
    );
    breaks(
        |f| f.edit("book/en/forward.md", "\ncell[forward::four]\n", ""),
        &[(
            "book/ko/forward.md:16",
            "the languages differ: `cell[forward::four]` stands here, but `code[",
        )],
    );
    breaks(
        |f| f.edit("book/en/SUMMARY.md", "- [Start](start.md)\n", ""),
        &[
            ("book/en/SUMMARY.md", "the chapter `start.md` is missing"),
            ("book/en/start.md", "does not list this chapter"),
        ],
    );
    breaks(
        |f| {
            f.edit(
                "book/en/SUMMARY.md",
                "- [Start](start.md)\n- [Forward](forward.md)",
                "- [Forward](forward.md)\n- [Start](start.md)",
            )
        },
        &[("book/en/SUMMARY.md", "another order")],
    );
}

#[test]
fn a_chapter_and_a_link() {
    breaks(
        |f| f.remove("book/ko/start.md"),
        &[
            ("book/ko/SUMMARY.md", "the chapter `start.md` is missing"),
            ("book/ko/SUMMARY.md:3", "book/ko/start.md cannot be read"),
        ],
    );
    breaks(
        |f| f.edit("book/ko/start.md", "(forward.md#mean)", "(backward.md)"),
        &[("book/ko/start.md:3", "`backward.md`, which is no chapter")],
    );
    breaks(
        |f| f.edit("book/ko/forward.md", " {#mean}", ""),
        &[
            ("book/en/forward.md:3", "no counterpart"),
            ("book/ko/forward.md:3", "needs an id"),
            ("book/ko/start.md:3", "no heading with the id `mean`"),
        ],
    );
    breaks(
        |f| f.remove("book/en/SUMMARY.md"),
        &[
            ("book/en/SUMMARY.md", "cannot be read"),
            ("book/en/SUMMARY.md", "`start.md` is missing"),
            ("book/en/SUMMARY.md", "`forward.md` is missing"),
            ("book/en/SUMMARY.md", "`claims.md` is missing"),
            ("tests/claims/forward.rs:5", "book/en"),
        ],
    );
}

#[test]
fn a_word() {
    let words = "ko = [{ write = \"기울기 소실\", not = [\"기울기소실\"] }]\nen = [{ write = \"center…\", not = [\"centre\"] }]\n";
    breaks(
        |f| f.write("book/words.toml", words),
        &[
            ("book/en/start.md:3", "writes `center…` for `centre`"),
            ("book/ko/start.md:3", "writes `기울기 소실` for `기울기소실`"),
        ],
    );
    breaks(
        |f| {
            f.write("book/words.toml", words);
            f.edit("book/en/start.md", "Batch", "<!-- allow: centre -->\n\nBatch");
            f.edit("book/ko/start.md", "기울기소실", "기울기 소실");
            f.edit("book/ko/start.md", "\n\n", "\n\n<!-- allow: 기울기소실 -->\n\n");
        },
        &[("book/ko/start.md:5", "nothing here needs")],
    );
    breaks(
        |f| {
            f.write("book/words.toml", words);
            f.edit("book/en/start.md", "centres", "centers");
            f.edit("book/ko/start.md", "기울기소실", "기울기 소실");
            f.edit("book/en/forward.md", "One line", "The centre line");
            f.edit("tests/claims/forward.rs", "The mean is", "The centre is");
        },
        &[("book/en/forward.md:20", "centre"), ("tests/claims/forward.rs:5", "centre")],
    );
    breaks(|f| f.write("book/words.toml", "ko = 3\n"), &[("book/words.toml:1", "invalid type")]);
}

#[test]
fn a_number_that_no_run_has_found() {
    breaks(
        |f| {
            f.write(
                "examples/forward/race.rs",
                "// ANCHOR: race\nfn race() {}\n// ANCHOR_END: race\n",
            );
            f.write("book/out/forward.txt", "## four\nmean 4\n\n## race\n1297 images, 12.46 s\n");
            let told = |seconds| {
                format!("cell[forward::race]\n\nIt took ${seconds}$ s, ${seconds}0$ ms.\n")
            };
            f.edit("book/en/forward.md", "cell[forward::four]", &told("12.4"));
            f.edit("book/ko/forward.md", "cell[forward::four]", &told("12.5"));
        },
        &[
            ("book/en/forward.md:18", "12.4 is in no output"),
            ("book/en/forward.md:18", "12.40 is in no output"),
            ("book/ko/forward.md:18", "12.50 is in no output"),
        ],
    );
}

#[test]
fn results_of_an_experiment() {
    let breaks = |results: &str, expected: &[(&str, &str)]| {
        breaks(
            |f| {
                f.write("book/out/forward/four.json", results);
                for lang in ["ko", "en"] {
                    let path = format!("book/{lang}/forward.md");
                    let text = f.read(&path) + "\nexperiments[]\n";
                    f.write(&path, &text);
                }
            },
            expected,
        );
    };
    breaks(
        r#"{"verdict":"perhaps","criteria":[["a",true]]}"#,
        &[
            ("book/en/forward.md:24", "in book/out/forward/four.json, unknown variant `perhaps`"),
            ("book/ko/forward.md:24", "in book/out/forward/four.json"),
        ],
    );
}

#[test]
fn a_note() {
    let breaks = |notes: &str, expected: &[(&str, &str)]| {
        breaks(
            |f| {
                let evidence = r#"{"checks":[{"how":"property","cases":9,"note":"in ulps"},{"how":"wrong variant","cases":1,"note":"m for n"}]}"#;
                f.write("book/out/claims/forward.mean_is_zero.json", evidence);
                f.write("book/notes.toml", notes);
            },
            expected,
        );
    };
    breaks(
        "ko = { \"in ulps\" = \"ulp 단위\", \"m for k\" = \"k 자리에 m\" }\n",
        &[
            ("book/notes.toml", "no Korean for the note `m for n`"),
            ("book/notes.toml", "no test has the note `m for k`"),
        ],
    );
    breaks("ko = 3\n", &[("book/notes.toml:1", "invalid type")]);
}
