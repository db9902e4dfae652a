//! Words: what the words of a text are, and what a query asks of them.

use auditlog::domain::words::{Query, normalized};
use proptest::prelude::*;

/// The words of a text, joined by spaces.
fn words(text: &str) -> String {
    normalized(text).map_or_else(String::new, |words| words.trim().to_owned())
}

/// Whether a text is what a query asks for, as the databases find out.
fn finds(query: &str, text: &str) -> bool {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let words = normalized(text).unwrap_or_default();
    query.required().all(|term| words.contains(&term.needle()))
        && !query.excluded().any(|term| words.contains(&term.needle()))
}

#[test]
fn words_are_runs_of_letters_and_digits_without_case_and_accents() {
    let table = [
        ("", ""),
        (" \n ", ""),
        ("--- \u{1f3e5} …", ""),
        ("Refund issued", "refund issued"),
        ("  Refund,\tissued!\n", "refund issued"),
        ("e-mail O'Neil 10:30 a_b", "e mail o neil 10 30 a b"),
        ("Café CAFÉ cafe\u{301}", "cafe cafe cafe"),
        ("Ångström ÅNGSTRÖM", "angstrom angstrom"),
        ("Straße STRASSE", "strasse strasse"),
        ("ΟΔΟΣ οδός Οδος", "οδοσ οδοσ οδοσ"),
        ("Ёлка елка", "елка елка"),
        ("İstanbul I ı", "istanbul i i"),
        ("ﬁne ﬀ ① ½ x²", "fine ff 1 1 2 x2"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("\u{212a} \u{212b}", "k a"),
        ("co\u{ad}operate zero\u{200b}width", "cooperate zero width"),
        // Hebrew points and Arabic vowels go …
        ("שָׁלוֹם مُحَمَّد", "שלום محمد"),
        // … while what is a letter in its script stays.
        ("कि का", "कि का"),
        ("ガ カ", "\u{30ab}\u{3099} \u{30ab}"),
        // No spaces between words: each letter is one.
        ("患者の予約 ok患", "患 者 の 予 約 ok 患"),
        ("ไทย", "ไ ท ย"),
        // Hangul comes apart into its letters, so that the beginning of a syllable is one of a word.
        ("각", "\u{1100}\u{1161}\u{11a8}"),
    ];
    for (text, expected) in table {
        assert_eq!(words(text), expected, "{text:?}");
    }
}

#[test]
fn a_word_and_a_text_have_a_size() {
    let hundred = "é".repeat(100);
    assert_eq!(words(&format!("{hundred}xyz end")), format!("{} end", "e".repeat(100)));
    // PostgreSQL would refuse more, and any text is taken.
    let long: String = (0..200_000).map(|i| format!("{i:x} \u{fdfa}{i:x} ")).collect();
    let kept = normalized(&long).unwrap();
    assert!(kept.len() <= 256 * 1024 && kept.len() > 256 * 1024 - 200, "{}", kept.len());
    assert!(kept.starts_with(" 0 ") && kept.ends_with(' '));
}

#[test]
fn a_query_finds_what_it_says() {
    let text = "Refunded the lost card of Zoë O'Neil by e-mail; card re-issued 2026";
    let table = [
        ("refunded", true),
        ("REFUNDED lost", true),
        ("refund", false),
        ("refund*", true),
        ("funded", false),
        ("zoe", true),
        ("ZOË", true),
        ("lost missing", false),
        (r#""lost card""#, true),
        (r#""card lost""#, false),
        (r#""lost card" 2026"#, true),
        (r#""lost car""#, false),
        (r#""lost car"*"#, true),
        ("O'Neil", true),
        ("neil's", false),
        ("e-mail", true),
        ("mail-e", false),
        ("re-iss*", true),
        ("email", false),
        ("-refunded", false),
        ("-missing", true),
        ("lost -missing", true),
        ("lost -card", false),
        (r#"lost -"card lost""#, true),
        (r#"lost -"lost card""#, false),
        ("lost -car*", false),
        ("lost -cards*", true),
        ("lost-card", true),
        ("card lost", true),
        ("lost*card", true),
        ("20*", true),
        ("2026 & card | lost", true),
        ("lost AND card", false),
        (" \u{a0} lost\tcard\n", true),
        ("lost\"card of\"zoe", true),
        ("card -- lost", true),
        ("- lost", true),
        ("--lost", false),
        ("* lost", true),
        ("lost**", true),
    ];
    for (query, expected) in table {
        assert_eq!(finds(query, text), expected, "{query}");
    }
    assert!(finds("-anything", ""));
    assert!(finds("約予*", "約予約"));
    assert!(!finds("予予", "約予約"));
}

#[test]
fn a_query_without_a_word_or_an_end_is_refused() {
    for query in ["", " ", "*", "-", "\"\"", "- \"*\" &", "\u{301}", "…"] {
        let error = Query::parse(query).unwrap_err();
        assert!(error.starts_with("names no word"), "{query:?}: {error}");
    }
    for query in ["\"", "lost \"card", "-\"lost", "\"a\" \"", "a\"b"] {
        let error = Query::parse(query).unwrap_err();
        assert!(error.contains("quotation mark"), "{query:?}: {error}");
    }
    assert!(Query::parse(&"a ".repeat(100)).is_ok());
    assert_eq!(Query::parse(&"a ".repeat(101)).unwrap_err(), "takes at most 100 words");
    assert_eq!(Query::parse(&"a-".repeat(101)).unwrap_err(), "takes at most 100 words");
}

/// Every character alone, but for surrogates, which are none.
#[test]
fn the_words_of_words_are_the_same() {
    for c in '\0'..=char::MAX {
        let once = words(&format!("a{c}b {c}"));
        assert_eq!(words(&once), once, "{c:?} (U+{:04X})", u32::from(c));
    }
}

proptest! {
    #[test]
    fn words_do_not_depend_on_case_or_form(text in any::<String>()) {
        use unicode_normalization::UnicodeNormalization as _;
        let expected = words(&text);
        prop_assert_eq!(&words(&expected), &expected);
        prop_assert_eq!(&words(&text.nfc().collect::<String>()), &expected);
        prop_assert_eq!(&words(&text.nfd().collect::<String>()), &expected);
        prop_assert_eq!(&words(&text.nfkc().collect::<String>()), &expected);
        prop_assert_eq!(&words(&expected.to_uppercase()), &expected);
    }

    #[test]
    fn words_are_what_the_databases_can_index(text in any::<String>()) {
        let expected = words(&text);
        prop_assert!(expected.split(' ').all(|word| !word.is_empty() || expected.is_empty()));
        for c in expected.chars().filter(|c| *c != ' ') {
            prop_assert!(c.is_ascii_lowercase() || c.is_ascii_digit() || !c.is_ascii(), "{:?}", c);
        }
    }

    #[test]
    fn any_query_is_read_or_refused_and_finds_itself(query in any::<String>()) {
        if let Ok(read) = Query::parse(&query) {
            let text: String = read.required().map(|term| term.needle() + " ").collect();
            let words = normalized(&text).unwrap_or_default();
            for term in read.required() {
                prop_assert!(words.contains(&term.needle()), "{:?}", term);
                for (word, is_beginning) in term.words() {
                    let end = if is_beginning { "" } else { " " };
                    prop_assert!(words.contains(&format!(" {word}{end}")), "{:?}", term);
                }
            }
        }
    }
}
