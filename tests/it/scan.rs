//! The look at a document's text before it is parsed: what it counts, and that whatever it lets
//! through the parser can bear.

use std::fs;
use std::path::Path;

use async_graphql::parser::parse_query;
use auditlog::domain::limits::Limits;
use auditlog::domain::scan::{Scanned, scan};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::hostile::documents;
use crate::support::property::cases;
use crate::support::world::limits;

fn scanned(text: &str) -> Scanned {
    scan(text, &unlimited()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// As far as limits may be set.
fn unlimited() -> Limits {
    Limits::new(|rule| Ok(Some(rule.most))).unwrap()
}

#[test]
fn tokens_and_nesting_are_counted() {
    for (text, tokens, nesting) in [
        ("", 0, 0),
        (" ,\t\r\n\u{feff}", 3, 0), // a byte order mark is of no word, and costs nobody much
        ("{a}", 3, 1),
        ("{a b,c}", 5, 1),
        ("{...f}", 4, 1),
        ("{a(b:[{c:1}])}", 14, 4),
        ("# {[(\n{a}", 3, 1),
        ("#{[(", 0, 0),
        ("{a(b:\"{[(\")}", 8, 2),
        (r#"{a(b:"\"{[(\\")}"#, 8, 2),
        ("{a(b:\"\"\"{[(\n\"\\\"\"\"[\"\"\")}", 8, 2),
        ("{a(b:\"\")}", 8, 2),
        ("{a(b:\"\"\"\"\"\")}", 8, 2),
        ("}}}{", 4, 1),
        ("query($a:[[Int!]!]){a}", 16, 3),
    ] {
        assert_eq!(scanned(text), Scanned { tokens, nesting }, "{text}");
    }
}

#[test]
fn what_would_be_read_in_two_ways_is_refused() {
    for text in [
        "{a(b:\"",
        "{a(b:\"x\n\")}",
        "{a(b:\"\"\"",
        "{a(b:[\"\"\"[[\"[[[",
        "{a(b:\"\\",
        "{a(b:\"\"\"\\\"\"\"",
    ] {
        let message = scan(text, &Limits::DEFAULT).unwrap_err().to_string();
        assert_eq!(message, "the document has a string that does not end", "{text}");
    }
    let longest = format!("{{{}}}", "x".repeat(255));
    assert!(scan(&longest, &Limits::DEFAULT).is_ok());
    let message = scan(&longest.replace('}', "x}"), &Limits::DEFAULT).unwrap_err().to_string();
    assert_eq!(message, "the document has a name of 256 bytes: names take at most 255");
}

/// The parser bears what the scan lets through even where limits are set as far as they go, on a
/// stack as small as those of the server's threads.
#[test]
fn the_parser_bears_all_that_the_limits_allow() {
    let depth = usize::try_from(unlimited().max_document_nesting.value()).unwrap();
    let nested =
        |before: &str, open: &str, inner: &str, close: &str, after: &str, around: usize| {
            let levels = depth - around;
            format!("{before}{}{inner}{}{after}", open.repeat(levels), close.repeat(levels))
        };
    let texts = [
        nested("", "{a", "{a}", "}", "", 1),
        nested("", "{...", "{a}", "}", "", 1),
        nested("{a(b:", "[", "", "]", ")}", 2),
        nested("{a(b:", "[", "", "", "", 2),
        nested("{a(b:", "{c:", "1", "}", ")}", 2),
        nested("{a@d(b:", "{c:[", "1", "]}", ")}", depth / 2 + 1),
        nested("query($a:", "[", "Int", "]", "){a}", 1),
        nested("query($a:A=", "[", "", "]", "){a}", 1),
        nested("query($a:A=", "{c:", "1", "}", "){a}", 1),
    ];
    for text in texts {
        assert!(scanned(&text).nesting <= depth);
        let parsed = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
        parsed.spawn(move || drop(parse_query(text))).unwrap().join().unwrap();
    }
}

#[derive(Debug, Clone)]
struct Piece {
    text: String,
    tokens: usize,
    nesting: usize,
}

fn piece(text: impl Into<String>, tokens: usize) -> Piece {
    Piece { text: text.into(), tokens, nesting: 0 }
}

fn join(open: &str, pieces: Vec<Piece>, close: &str, bracketed: bool) -> Piece {
    let texts: Vec<String> = pieces.iter().map(|piece| piece.text.clone()).collect();
    Piece {
        text: format!("{open}{}{close}", texts.join(" ")),
        tokens: pieces.iter().map(|piece| piece.tokens).sum(),
        nesting: pieces.iter().map(|piece| piece.nesting).max().unwrap_or(0)
            + usize::from(bracketed),
    }
}

fn leaf() -> impl Strategy<Value = Piece> {
    prop_oneof![
        select(vec![
            "true",
            "null",
            "WORD",
            "12",
            "0",
            "-1 ",
            "\"\"",
            "\"[{(\"",
            "\"\\\"[\\\\\"",
            "\"\"\"[\"{ \\\"\"\"\n(\"\"\"",
            "\"\"\"\"\"\"",
            "#[{(\n1"
        ])
        .prop_map(|text| piece(text, if text.starts_with('-') { 2 } else { 1 })),
        Just(piece("$v", 2)),
    ]
}

/// A value, with how many tokens it has and how deep it nests.
fn value() -> impl Strategy<Value = Piece> {
    leaf().prop_recursive(8, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| {
                let mut list = join("[", items, "]", true);
                list.tokens += 2;
                list
            }),
            vec(inner, 0..4).prop_map(|items| {
                let members = items
                    .into_iter()
                    .enumerate()
                    .map(|(i, item)| Piece {
                        text: format!("k{i}:{}", item.text),
                        tokens: item.tokens + 2,
                        nesting: item.nesting,
                    })
                    .collect();
                let mut object = join("{", members, "}", true);
                object.tokens += 2;
                object
            }),
        ]
    })
}

/// A set of selections.
fn selections() -> impl Strategy<Value = Piece> {
    let field = value().prop_map(|value| Piece {
        text: format!("f(a:{}),# ({{[\r", value.text),
        tokens: value.tokens + 5,
        nesting: value.nesting + 1,
    });
    let leaf = prop_oneof![Just(piece("f", 1)), Just(piece("...F", 2)), field];
    let set = |items: Vec<Piece>| {
        let mut set = join("{", items, "}", true);
        set.tokens += 2;
        set
    };
    let sets = leaf.prop_recursive(8, 40, 4, move |inner| {
        vec(inner, 1..4).prop_map(move |items| {
            let mut field = join("f{", items, "}", true);
            field.tokens += 3;
            field
        })
    });
    vec(sets, 1..4).prop_map(set)
}

proptest! {
    #![proptest_config(cases(500))]

    /// What is written with known brackets is counted so, is parsed, and is refused for its nesting
    /// or tokens when, and only when, it has more.
    #[test]
    fn a_document_is_counted_as_it_was_made(made in selections()) {
        prop_assert_eq!(scanned(&made.text), Scanned { tokens: made.tokens, nesting: made.nesting });
        let parsed = parse_query(&made.text);
        prop_assert!(parsed.is_ok(), "{:?}: {}", parsed, made.text);
        for (name, count, least) in [
            ("max_document_nesting", made.nesting, 16), ("max_document_tokens", made.tokens, 100),
        ] {
            let limit = u64::try_from(count).unwrap().max(least);
            prop_assert!(scan(&made.text, &limits(&[(name, limit)])).is_ok());
            if limit > least {
                let refused = scan(&made.text, &limits(&[(name, limit - 1)])).unwrap_err();
                prop_assert!(refused.to_string().contains(name));
            }
        }
    }

    /// Signs of the grammar in any order, and documents that somebody cut up.
    #[test]
    fn whatever_is_let_through_the_parser_bears(text in prop_oneof![soup(), cut_up(corpus())]) {
        match (scan(&text, &Limits::DEFAULT), scan(&text, &unlimited())) {
            // It answers, whatever it answers. (A stack that overflows ends this process.)
            (Ok(_), _) => drop(parse_query(&text)),
            // Refused for what no limit is about: the parser refuses it too, but for long names.
            (_, Err(error)) if !error.to_string().contains("names take at most") => {
                prop_assert!(parse_query(&text).is_err(), "{}: {}", error, text);
            }
            _ => {}
        }
    }
}

fn soup() -> impl Strategy<Value = String> {
    let signs = vec![
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "\"\"\"",
        "\\",
        "\\\"",
        "\\\"\"\"",
        "#",
        "\n",
        "\r",
        ",",
        "...",
        ".",
        "on",
        "fragment",
        "query",
        "mutation",
        "a",
        ":",
        "$v",
        "!",
        "@d",
        "1",
        "-1.5e3",
        "\u{feff}",
        "\u{e9}",
        "null",
        " ",
        "=",
        "|",
        "&",
        "\u{0}",
        "\\u00e9",
        "\u{1f3e5}",
    ];
    let run = (select(signs), 1..6_usize).prop_map(|(sign, times)| sign.repeat(times));
    vec(run, 0..60).prop_map(|runs| runs.concat())
}

/// Documents of the examples, and hostile ones that are not endless.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/queries");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let queries = files.filter(|path| path.extension().is_some_and(|e| e == "graphql"));
    let mut corpus: Vec<_> = queries.map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(corpus.len() > 20);
    corpus.extend(documents::all().into_iter().map(|(_, text)| text).filter(|t| t.len() < 3_000));
    corpus
}

/// One of the texts with pieces of another put in, taken out or doubled.
pub fn cut_up(corpus: Vec<String>) -> impl Strategy<Value = String> {
    let cut = (any::<Index>(), any::<Index>(), any::<Index>(), 0..4_u8);
    (select(corpus.clone()), select(corpus), vec(cut, 1..8)).prop_map(|(text, other, cuts)| {
        let (mut text, other): (Vec<char>, Vec<char>) =
            (text.chars().collect(), other.chars().collect());
        for (a, b, c, how) in cuts {
            if text.is_empty() || other.is_empty() {
                break;
            }
            let (mut from, mut to) = (a.index(text.len()), b.index(text.len()));
            if from > to {
                std::mem::swap(&mut from, &mut to);
            }
            let range = from..to.min(from + 40);
            match how {
                0 => drop(text.drain(range)),
                1 => {
                    let again = text[range].repeat(3);
                    text.splice(from..from, again);
                }
                2 => {
                    let at = c.index(other.len());
                    let piece = other[at..other.len().min(at + 20)].to_vec();
                    text.splice(range, piece);
                }
                _ => text.swap(from, to),
            }
        }
        text.into_iter().collect()
    })
}
