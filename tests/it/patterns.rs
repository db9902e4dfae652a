//! The laws of `domain::pattern`, against what the words say.

use auditlog::domain::pattern::{MAX_CHARS, Pattern, Patterns, Reach, keys};
use proptest::prelude::*;
use proptest::sample::select;

/// A pattern as its author means it.
#[derive(Debug, Clone)]
pub struct Meant {
    pub anywhere: bool,
    /// A key, or any.
    pub segments: Vec<Option<String>>,
}

impl Meant {
    pub fn pattern(&self) -> Pattern {
        let segment = |segment: &Option<String>| match segment {
            None => "*".to_owned(),
            Some(key) => key.replace('.', "\\.").replace('*', "\\*"),
        };
        let segments: Vec<_> = self.segments.iter().map(segment).collect();
        let start = if self.anywhere { "**." } else { "" };
        Pattern::new(format!("{start}{}", segments.join("."))).unwrap()
    }

    /// Whether it names exactly this place.
    fn names(&self, path: &[String]) -> bool {
        let starts = if self.anywhere { 0..=path.len() } else { 0..=0 };
        starts.into_iter().any(|start| {
            let path = &path[start..];
            path.len() == self.segments.len()
                && path.iter().zip(&self.segments).all(|(k, s)| s.as_ref().is_none_or(|s| s == k))
        })
    }

    /// Whether it names this place or one above it.
    pub fn reaches(&self, path: &[String]) -> bool {
        (1..=path.len()).any(|end| self.names(&path[..end]))
    }

    /// Whether it may name something below this place.
    fn may_reach_below(&self, path: &[String]) -> bool {
        let fits = path.iter().zip(&self.segments).all(|(k, s)| s.as_ref().is_none_or(|s| s == k));
        self.anywhere || (path.len() < self.segments.len() && fits)
    }
}

pub fn some_keys(keys: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(keys).prop_map(str::to_owned)
}

pub fn meant(keys: &'static [&'static str]) -> impl Strategy<Value = Meant> {
    let segment = prop_oneof![3 => some_keys(keys).prop_map(Some), 1 => Just(None)];
    (prop::bool::weighted(0.3), prop::collection::vec(segment, 1..4))
        .prop_map(|(anywhere, segments)| Meant { anywhere, segments })
}

const KEYS: &[&str] = &["a", "b", "c", "a.b", ".", "*", "**", "a*", "é", "a b", "[0]"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn they_name_what_their_words_say(
        meant in prop::collection::vec(meant(KEYS), 0..5),
        path in prop::collection::vec(some_keys(KEYS), 0..5),
    ) {
        let patterns: Vec<_> = meant.iter().map(Meant::pattern).collect();
        let patterns = Patterns::new(&patterns);
        let reach = path.iter().fold(patterns.record(), |reach, key| patterns.under(&reach, key));
        if meant.iter().any(|meant| meant.reaches(&path)) {
            prop_assert_eq!(reach, Reach::Whole);
        } else if meant.iter().any(|meant| meant.may_reach_below(&path)) {
            prop_assert!(matches!(reach, Reach::Part(_)), "{:?}", reach);
        } else {
            prop_assert_eq!(reach, Reach::Nothing);
        }
    }

    #[test]
    fn a_fields_name_is_taken_apart_as_it_was_put_together(
        path in prop::collection::vec(some_keys(KEYS), 1..5),
    ) {
        let field = path.iter().map(|key| key.replace('.', "\\.")).collect::<Vec<_>>().join(".");
        prop_assert_eq!(keys(&field).collect::<Vec<_>>(), path);
    }

    #[test]
    fn any_text_is_a_pattern_or_told_why_not(text in ".{0,12}|[a*.\\\\]{0,8}") {
        match Pattern::new(text.clone()) {
            Ok(pattern) => {
                // What is accepted names something, and can be matched against anything.
                let patterns = Patterns::new([&pattern]);
                prop_assert!(!patterns.record().is_whole() && !patterns.record().is_nothing());
                prop_assert_eq!(pattern.as_str(), text);
            }
            Err(problem) => prop_assert!(problem.starts_with("m") || problem.starts_with("has")),
        }
    }
}

#[test]
fn what_is_no_pattern_is_refused_by_name() {
    let too_long = "x".repeat(MAX_CHARS + 1);
    let cases = [
        ("", "must have a key"),
        ("a.", "must have a key"),
        (".a", "must have a key"),
        ("a..b", "must have a key"),
        ("**", "may have ** only at its start"),
        ("**.", "must have a key"),
        ("a.**", "may have ** only at its start"),
        ("**.**.a", "may have ** only at its start"),
        ("*_name", "has a * in \"*_name\""),
        ("a.b*", "has a * in \"b*\""),
        ("***", "has a * in"),
        (" a", "must not begin or end with a space"),
        ("a\n", "must not hold control characters"),
        (&too_long, "must have at most 255 characters"),
    ];
    for (text, why) in cases {
        let problem = Pattern::new(text).unwrap_err();
        assert!(problem.starts_with(why), "{text:?}: {problem}");
    }
}
