//! What the model knows of an event beyond who did what: where from, with which values, in what words.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

pub const PAGES: [&str; 4] = ["Calendar", "calendar", "Ch\u{e4}rt \u{1f3e5}", ""];
const URLS: [&str; 4] =
    ["https://a.example/x_1", "https://a.example/xy", "https://a.example/%", "HTTPS://a.example/"];
const PREFIXES: [&str; 5] =
    ["https://a.example/x_", "https://a.example/%", "https://a", "https://b", ""];
pub const ADDRESSES: [&str; 5] =
    ["10.0.0.9", "10.0.1.1", "2001:db8::1", "::ffff:10.0.0.8", "9.9.9.9"];
/// Each with the addresses in it.
const BLOCKS: [(&str, &[usize]); 6] = [
    ("10.0.0.0/24", &[0, 3]),
    ("10.0.0.0/8", &[0, 1, 3]),
    ("2001:db8::/32", &[2]),
    ("::/0", &[2]),
    ("9.9.9.9", &[4]),
    ("::ffff:10.0.0.9", &[0]),
];
const DESCRIPTIONS: [&str; 4] =
    ["Refund issued to Zo\u{eb}", "refund REFUSED; e-mail sent", "Caf\u{e9}", "\u{2026}"];
/// Each with the descriptions it is true of, and whether of none.
const QUERIES: [(&str, &[usize], bool); 6] = [
    ("refund", &[0, 1], false),
    ("\"refund issued\"", &[0], false),
    ("zoe -refused", &[0], false),
    ("-refund", &[2, 3], true),
    ("caf* -cafes", &[2], false),
    ("mail re* -\"issued to\"", &[1], false),
];
const PURPOSES: [&str; 2] = ["TREAT", "HPAYMT"];
/// Values as they are recorded, and as they are shown.
const VALUES: [(&str, &str); 4] =
    [("1", "1"), ("\"1\"", "1"), ("1.10", "1.10"), (r#"{"b": 1, "a": [2]}"#, r#"{"b":1,"a":[2]}"#)];
const SHOWN: [&str; 5] = ["1", "1.10", "1.1", r#"{"b":1,"a":[2]}"#, r#"{"a":[2],"b":1}"#];

/// Parts of an event, as places in the lists above.
#[derive(Debug, Clone, Default)]
pub struct Details {
    pub page: Option<usize>,
    pub url: Option<usize>,
    pub address: Option<usize>,
    pub description: Option<usize>,
    pub purpose: Option<usize>,
    pub failed: bool,
    /// What its changes say; nothing for what administration left in the log.
    pub value: usize,
}

/// What is asked of those parts.
#[derive(Debug, Clone, Default)]
pub struct Search {
    pub pages: Option<Vec<usize>>,
    pub prefixes: Option<Vec<usize>>,
    pub blocks: Option<Vec<usize>>,
    pub query: Option<usize>,
    pub purposes: Option<Vec<usize>>,
    pub failed: Option<bool>,
    /// Of the changed field that is asked for.
    pub value_before: Option<usize>,
    pub value_after: Option<usize>,
}

pub fn details() -> impl Strategy<Value = Details> {
    let some = prop::option::of::<std::ops::Range<usize>>;
    (some(0..4), some(0..4), some(0..5), some(0..4), some(0..2), any::<bool>(), 0..4_usize)
        .prop_map(|(page, url, address, description, purpose, failed, value)| Details {
            page,
            url,
            address,
            description,
            purpose,
            failed,
            value,
        })
}

pub fn search() -> impl Strategy<Value = Search> {
    fn rarely<T: Strategy>(some: T) -> impl Strategy<Value = Option<T::Value>> {
        prop::option::weighted(0.1, some)
    }
    let where_from = (
        rarely(vec(0..4_usize, 1..3)),
        rarely(vec(0..5_usize, 1..3)),
        rarely(vec(0..6_usize, 1..3)),
    );
    let said = (rarely(0..6_usize), rarely(vec(0..2_usize, 1..3)), rarely(any::<bool>()));
    let values = (prop::option::of(0..5_usize), prop::option::of(0..5_usize));
    (where_from, said, rarely(values)).prop_map(|(where_from, said, values)| {
        let (value_before, value_after) = values.unwrap_or_default();
        Search {
            pages: where_from.0,
            prefixes: where_from.1,
            blocks: where_from.2,
            query: said.0,
            purposes: said.1,
            failed: said.2,
            value_before,
            value_after,
        }
    })
}

impl Details {
    /// Adds them to what a recorder sends.
    pub fn write(&self, event: &mut Value) {
        event["page"] = json!(self.page.map(|i| PAGES[i]));
        event["url"] = json!(self.url.map(|i| URLS[i]));
        event["ip_address"] = json!(self.address.map(|i| ADDRESSES[i]));
        event["description"] = json!(self.description.map(|i| DESCRIPTIONS[i]));
        event["purpose"] = json!(self.purpose.map(|i| PURPOSES[i]));
        event["outcome"] = json!(if self.failed { "FAILURE" } else { "SUCCESS" });
    }

    pub fn value(&self) -> Value {
        serde_json::from_str(VALUES[self.value].0).unwrap()
    }

    /// The address as a number; an IPv4 one as the IPv6 address that it is mapped to.
    pub fn address(&self) -> Option<u128> {
        let address: IpAddr = ADDRESSES[self.address?].parse().unwrap();
        Some(match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().into(),
            IpAddr::V6(address) => address.into(),
        })
    }
}

impl Search {
    /// Adds the arguments that ask for it.
    pub fn write(&self, variables: &mut Map<String, Value>) {
        fn texts(all: &[&str], places: &[usize]) -> Value {
            places.iter().map(|i| all[*i]).collect()
        }
        let blocks = BLOCKS.map(|(text, _)| text);
        let mut give = |name: &str, value: Option<Value>| {
            variables.extend(value.map(|value| (name.to_owned(), value)));
        };
        give("pages", self.pages.as_ref().map(|all| texts(&PAGES, all)));
        give("url_prefixes", self.prefixes.as_ref().map(|all| texts(&PREFIXES, all)));
        give("ip_addresses", self.blocks.as_ref().map(|all| texts(&blocks, all)));
        give("description", self.query.map(|i| json!(QUERIES[i].0)));
        give("purposes", self.purposes.as_ref().map(|all| texts(&PURPOSES, all)));
        give("outcome", self.failed.map(|f| json!(if f { "FAILURE" } else { "SUCCESS" })));
        give("value_before", self.value_before.map(|i| json!(SHOWN[i])));
        give("value_after", self.value_after.map(|i| json!(SHOWN[i])));
    }

    /// Whether an event is what is asked for. `values` are those of the changed field, before and
    /// after, as they are shown.
    pub fn selects(&self, details: &Details, values: (Option<&str>, Option<&str>)) -> bool {
        fn among(asked: &Option<Vec<usize>>, is: impl Fn(usize) -> bool) -> bool {
            asked.as_ref().is_none_or(|all| all.iter().any(|i| is(*i)))
        }
        let url = details.url.map(|i| URLS[i]);
        among(&self.pages, |page| details.page == Some(page))
            && among(&self.prefixes, |i| url.is_some_and(|url| url.starts_with(PREFIXES[i])))
            && among(&self.blocks, |i| details.address.is_some_and(|a| BLOCKS[i].1.contains(&a)))
            && among(&self.purposes, |purpose| details.purpose == Some(purpose))
            && self.failed.is_none_or(|failed| details.failed == failed)
            && self.query.is_none_or(|i| {
                let (_, of, of_none) = QUERIES[i];
                details.description.map_or(of_none, |description| of.contains(&description))
            })
            && self.value_before.is_none_or(|i| values.0 == Some(SHOWN[i]))
            && self.value_after.is_none_or(|i| values.1 == Some(SHOWN[i]))
    }

    pub const fn asks_for_values(&self) -> bool {
        self.value_before.is_some() || self.value_after.is_some()
    }
}

/// What a value is shown as.
pub fn shown(details: &Details) -> &'static str {
    VALUES[details.value].1
}
