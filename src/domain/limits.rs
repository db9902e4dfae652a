//! What a request may take of the server, and how that is said to who takes more.
//!
//! Each limit is declared once, in the table below: its name as a setting, its default, what it may be
//! set to, and the words of its refusal. Flags, environment, settings file and checks come from there.

use crate::error::{Code, Error, Result};

/// One limit, as it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    value: u64,
    rule: &'static Rule,
}

/// What is known of a limit beforehand.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name as a setting.
    pub name: &'static str,
    /// What it limits, for help.
    pub about: &'static str,
    /// What it is when nobody sets it.
    pub default: u64,
    /// The least it may be set to.
    pub least: u64,
    /// The most it may be set to.
    pub most: u64,
    /// What is counted.
    unit: &'static str,
    /// What is wrong with what exceeds it.
    wrong: &'static str,
    /// How to mend that.
    mend: &'static str,
    code: Code,
}

macro_rules! limits {
    ($(
        $name:ident = $default:literal ($least:literal..=$most:literal $unit:literal),
        $about:literal, $code:ident $wrong:literal, $mend:literal;
    )*) => {
        /// Every limit, as it is set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $about] pub $name: Limit,)*
        }

        impl Limits {
            /// The limits when nobody sets them.
            pub const DEFAULT: Self = Self {
                $($name: Limit {
                    value: $default,
                    rule: &Rule {
                        name: stringify!($name),
                        about: $about,
                        default: $default,
                        least: $least,
                        most: $most,
                        unit: $unit,
                        wrong: $wrong,
                        mend: $mend,
                        code: Code::$code,
                    },
                },)*
            };

            /// What is known of each, in the order of the table.
            pub const RULES: &[&Rule] = &[$(Self::DEFAULT.$name.rule),*];

            /// Limits set to what the source has for a rule; those it has nothing for are the default.
            pub fn new(given: impl Fn(&'static Rule) -> Result<Option<u64>>) -> Result<Self> {
                Ok(Self { $($name: Self::DEFAULT.$name.set(&given)?),* })
            }
        }
    };
}

limits! {
    max_request_bytes = 16_777_216 (1_024..=1_073_741_824 "bytes"),
        "How large a request's body may be, in bytes",
        PayloadTooLarge "the request's body is too large", "send it in parts";
    max_document_bytes = 32_768 (1_024..=1_048_576 "bytes"),
        "How long a GraphQL document may be, in bytes",
        PayloadTooLarge "the document is too long", "give values as variables, or ask in several requests";
    max_document_tokens = 4_000 (100..=100_000 "tokens"),
        "How many tokens a GraphQL document may have",
        PayloadTooLarge "the document has too many tokens", "give values as variables, or ask in several requests";
    max_document_nesting = 96 (16..=256 "levels"),
        "How deep brackets may nest in a GraphQL document",
        BadUserInput "the document nests its brackets too deep", "give deep values as variables";
    max_depth = 32 (16..=64 "levels"),
        "How deep selections may nest, those of fragments where they are spread included",
        BadUserInput "the document selects too deep, counted with its fragments", "ask for less at once";
    max_fields = 2_000 (100..=100_000 "selections"),
        "How many fields and fragments a document may select, each fragment counted wherever it is spread",
        BadUserInput "the document selects too much, counted with each fragment wherever it is spread", "ask in several requests";
    max_root_fields = 50 (1..=10_000 "fields"),
        "How many fields an operation may select at its root",
        BadUserInput "the operation has too many fields at its root", "ask in several requests";
    max_aliases = 100 (0..=100_000 "aliases"),
        "How many aliases a document may have, each fragment counted wherever it is spread",
        BadUserInput "the document has too many aliases, counted with each fragment wherever it is spread", "ask in several requests";
    max_directives = 100 (0..=100_000 "directives"),
        "How many directives a document may have, each fragment counted wherever it is spread",
        BadUserInput "the document has too many directives, counted with each fragment wherever it is spread", "ask in several requests";
    max_comparisons = 10_000 (100..=1_000_000 "comparisons"),
        "How often the arguments of fields that are answered under one name may be compared",
        BadUserInput "the document selects fields with arguments under the same names too often, and comparing them takes too long", "select each once, or give it an alias";
    max_complexity = 200_000 (10_000..=100_000_000 "values"),
        "How many values an operation may ask for: each field once for each item of the lists around it",
        BadUserInput "the operation asks for too many values, each field counted once for each item of the lists around it", "ask for smaller pages or fewer fields";
    max_event_bytes = 16_777_216 (1_048_576..=1_073_741_824 "bytes"),
        "How many bytes of events a request may read: its pages end early where they come to that together",
        BadUserInput "what the fields before this one read is all that one request may", "ask for smaller pages, or in several requests";
    max_variables_bytes = 16_777_216 (1_024..=1_073_741_824 "bytes"),
        "How many bytes variables may have, each counted as often as the operation uses it",
        PayloadTooLarge "the variables are too large, each counted as often as the operation uses it", "send less at once";
    max_variables_values = 250_000 (100..=10_000_000 "values"),
        "How many JSON values a GraphQL request may hold",
        PayloadTooLarge "the request holds too many JSON values", "send less at once";
    max_variables_depth = 70 (4..=70 "levels"),
        "How deep variables may nest",
        BadUserInput "the variables nest too deep", "send flatter ones";
    max_request_seconds = 30 (1..=3_600 "seconds"),
        "How long a request may take, in seconds",
        ServiceUnavailable "the request took too long and was given up", "ask for less at once; what was to be recorded may be recorded: send it again under the same ids";
    max_count_seconds = 5 (1..=3_600 "seconds"),
        "How long counting for total_count may take, in seconds",
        BadUserInput "counting what the filter selects took too long", "narrow the filter, or leave total_count out; filters by organization, type, kind of record and time are answered from counts that are kept";
    max_concurrent_requests = 512 (1..=100_000 "requests"),
        "How many requests may be under way at once",
        ServiceUnavailable "the server has too many requests under way", "try again shortly";
    max_concurrent_requests_per_tenant = 256 (1..=100_000 "requests"),
        "How many requests the credentials of one tenant may have under way at once",
        TooManyRequests "your tenant has too many requests under way", "wait for one of them to end, exports included";
    max_concurrent_body_bytes = 268_435_456 (1_024..=1_099_511_627_776 "bytes"),
        "How many bytes of requests' bodies may be in memory at once, in the whole server",
        ServiceUnavailable "the server has too much in memory that is being sent to it", "try again shortly";
    max_requests_a_minute = 300_000 (1..=100_000_000 "requests a minute"),
        "How many requests a minute an API key, or the subject of a token, may send",
        TooManyRequests "this credential sends too many requests", "wait for as long as Retry-After says";
}

impl Limit {
    fn set(self, given: impl Fn(&'static Rule) -> Result<Option<u64>>) -> Result<Self> {
        let Rule { name, least, most, .. } = self.rule;
        match given(self.rule)?.unwrap_or(self.value) {
            value if (*least..=*most).contains(&value) => Ok(Self { value, ..self }),
            value => {
                Err(Error::bad_input(format!("{name} must be from {least} to {most}, not {value}")))
            }
        }
    }

    /// What it is set to.
    pub const fn value(self) -> u64 {
        self.value
    }

    /// What it is set to, as a count of what is in memory.
    pub fn count(self) -> usize {
        usize::try_from(self.value).unwrap_or(usize::MAX)
    }

    /// Refuses more than it.
    pub fn hold(self, amount: impl TryInto<u64>) -> Result<()> {
        match amount.try_into() {
            Ok(amount) if amount <= self.value => Ok(()),
            _ => Err(self.exceeded()),
        }
    }

    /// The refusal of what exceeds it: what is wrong, the limit, the setting, and how to mend it.
    pub fn exceeded(self) -> Error {
        let Rule { name, unit, wrong, mend, code, .. } = self.rule;
        let value = self.value;
        Error::client(*code, format!("{wrong}: at most {value} {unit} are taken ({name}); {mend}"))
    }
}
