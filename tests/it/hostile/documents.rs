//! Documents that somebody wrote to do harm: each is within the limit on bytes, and as bad as it gets.

use std::fmt::Write as _;

/// The default limits that these go up to.
pub const BYTES: usize = 32_768;
pub const TOKENS: usize = 4_000;
pub const FIELDS: usize = 2_000;

/// Each by its name.
pub fn all() -> Vec<(&'static str, String)> {
    let mut all = names();
    all.extend(fragments());
    all.extend(values());
    all.extend(ignored());
    all.extend(introspection());
    all.extend(pages());
    all
}

/// Something for each number, up to so many.
fn each(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

/// Something for each number, as often as there is room.
fn fill(room: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for i in 0.. {
        let next = piece(i);
        if text.len() + next.len() > room {
            break;
        }
        text.push_str(&next);
    }
    text
}

fn long(i: usize, length: usize) -> String {
    format!("x{i:0width$}", width = length - 1)
}

/// What validation complains of, name by name.
fn names() -> Vec<(&'static str, String)> {
    vec![
        ("unknown fields", format!("{{{}}}", each(FIELDS - 1, |i| format!("f{i} ")))),
        (
            "unknown fields below",
            format!("{{auditLog{{nodes{{{}}}}}}}", each(FIELDS - 5, |i| format!("f{i} "))),
        ),
        ("unknown long fields", format!("{{{}}}", fill(BYTES - 2, |i| long(i, 254) + " "))),
        (
            "unknown long mutations",
            format!("mutation{{{}}}", fill(BYTES - 10, |i| long(i, 254) + " ")),
        ),
        (
            "unknown arguments",
            format!("{{auditLog({}){{total_count}}}}", each(1_300, |i| format!("a{i}:1 "))),
        ),
        (
            "unknown long arguments",
            format!("{{auditLog({}){{total_count}}}}", fill(BYTES - 40, |i| long(i, 250) + ":1 ")),
        ),
        ("unknown directives", format!("{{__typename {}}}", each(1_900, |i| format!("@d{i} ")))),
        ("unknown types", format!("{{{}}}", each(900, |i| format!("...on T{i}{{a}}")))),
        (
            "names in conflict",
            format!("{{a:viewer{{is_owner}} {}}}", each(90, |i| format!("a:f{i} "))),
        ),
        (
            "fields in conflict",
            format!("{{auditLog{{{}}}}}", "__typename visible_since ".repeat(990)),
        ),
        (
            "arguments in conflict",
            format!(
                "{{auditLog({}){{a}} {}}}",
                each(600, |i| format!("a{i}:1 ")),
                "auditLog ".repeat(49),
            ),
        ),
        (
            "arguments in conflict below",
            format!(
                "{{auditLog{{nodes({}) {}}}}}",
                each(600, |i| format!("a{i}:1 ")),
                "nodes ".repeat(FIELDS - 10),
            ),
        ),
        (
            "arguments in conflict below, just few enough",
            format!(
                "{{auditLog{{nodes({}) {}}}}}",
                each(10, |i| format!("a{i}:1 ")),
                "nodes ".repeat(990),
            ),
        ),
        (
            "the same argument twice",
            format!("{{auditLog({}){{total_count}}}}", "first:1 ".repeat(1_300)),
        ),
        (
            "unused variables",
            format!("query({}){{__typename}}", each(990, |i| format!("$v{i}:Int "))),
        ),
        (
            "variables of unknown types",
            format!("query({}){{__typename}}", each(990, |i| format!("$v{i}:T{i} "))),
        ),
        ("the same variable again", format!("query({}){{__typename}}", "$v:Int ".repeat(990))),
        (
            "undefined variables",
            format!(
                "{{auditLog(acting_user_ids:[{}]){{total_count}}}}",
                each(1_900, |i| format!("$v{i} "))
            ),
        ),
        (
            "variables defined and used",
            format!(
                "query({}){{auditLog(acting_user_ids:[{}]){{total_count}}}}",
                each(600, |i| format!("$v{i}:ID ")),
                each(600, |i| format!("$v{i} ")),
            ),
        ),
        ("operations", each(440, |i| format!("query q{i}{{__typename}} "))),
        ("operations without names", "{__typename} ".repeat(1_300)),
        ("the same operation again", "query q{__typename} ".repeat(700)),
    ]
}

fn fragments() -> Vec<(&'static str, String)> {
    let mut doubling = "{...f0}".to_owned();
    for i in 0..200 {
        let next = i + 1;
        write!(doubling, " fragment f{i} on Query{{...f{next} ...f{next}}}").unwrap();
    }
    doubling.push_str(" fragment f200 on Query{__typename}");
    let mut chain = "{...f0}".to_owned();
    for i in 0..440 {
        write!(chain, " fragment f{i} on Query{{...f{}}}", i + 1).unwrap();
    }
    let mut cycle = "{...f0}".to_owned();
    for i in 0..20 {
        write!(cycle, " fragment f{i} on Query{{...f{0} ...f{0}}}", (i + 1) % 20).unwrap();
    }
    vec![
        ("doubling spreads", doubling.clone()),
        ("doubling spreads that are not used", doubling.replacen("{...f0}", "{__typename}", 1)),
        ("a chain of spreads", chain),
        ("a cycle of spreads", cycle),
        ("a fragment that spreads itself", "{...f} fragment f on Query{...f ...f}".to_owned()),
        (
            "a fragment that spreads itself below",
            "{...f} fragment f on Query{viewer{...f}}".to_owned(),
        ),
        (
            "unused fragments",
            "{__typename}".to_owned()
                + &each(440, |i| format!(" fragment f{i} on Query{{__typename}}")),
        ),
        ("spreads of nothing", format!("{{{}}}", each(1_300, |i| format!("...f{i} ")))),
        (
            "the same spread again",
            format!("{{{}}} fragment f on Query{{__typename}}", "...f ".repeat(600)),
        ),
        (
            "one large fragment in many places",
            format!(
                "{{auditLog{{nodes{{{}}}}}}} fragment f on AuditEvent{{{}}}",
                "acting_user{...f} ".repeat(30),
                each(60, |i| format!("f{i} ")),
            ),
        ),
        (
            "one long list in many places",
            format!(
                "{{{}}} fragment f on Query{{auditLog(acting_user_ids:[{}]){{total_count}}}}",
                "...f ".repeat(45),
                "1 ".repeat(1_500),
            ),
        ),
        ("inline fragments", format!("{{{}}}", "...{a}".repeat(FIELDS / 2 - 2))),
        ("nested inline fragments", "{...".repeat(60) + "{a}" + &"}".repeat(60)),
    ]
}

fn values() -> Vec<(&'static str, String)> {
    let argument = |value: &str| format!("{{auditLog(acting_user_id:{value}){{total_count}}}}");
    let long_string = format!("\"{}\"", "\u{1f3e5}".repeat(8_000));
    vec![
        ("a long number", argument(&"9".repeat(BYTES - 60))),
        ("a long fraction", argument(&("1.".to_owned() + &"9".repeat(BYTES - 60)))),
        ("a long exponent", argument(&("1e".to_owned() + &"9".repeat(BYTES - 60)))),
        ("a long number that is none", argument(&("9".repeat(BYTES - 60) + "x"))),
        ("a long string", argument(&long_string)),
        ("a string of escapes", argument(&format!("\"{}\"", "\\u00e9".repeat(5_400)))),
        ("a string that does not end", argument(&"\"x".repeat(3))),
        ("a block string of lines", argument(&format!("\"\"\"{}\"\"\"", "\n x".repeat(10_000)))),
        (
            "a block string of quotes",
            argument(&format!("\"\"\"{}\"\"\"", "\\\"\"\"".repeat(8_000))),
        ),
        (
            "a block string that does not end",
            argument(&format!("[\"\"\"[[[\"{}", "[".repeat(30_000))),
        ),
        ("strings", argument(&format!("[{}]", "\"\" ".repeat(TOKENS - 20)))),
        ("an enum's long word", argument(&"x".repeat(255))),
        ("a name that is too long", format!("{{{}}}", "x".repeat(BYTES - 2))),
        ("lists as deep as they may", argument(&("[".repeat(90) + &"]".repeat(90)))),
        ("lists in lists", argument(&("[".repeat(16_000) + &"]".repeat(16_000)))),
        ("lists that do not end", argument(&"[".repeat(30_000))),
        ("objects in objects", argument(&("{a:".repeat(8_000) + "1" + &"}".repeat(8_000)))),
        (
            "a type of lists",
            format!("query($v:{}Int{}){{__typename}}", "[".repeat(16_000), "]".repeat(16_000)),
        ),
        ("selections in selections", "{a".repeat(10_000) + &"}".repeat(10_000)),
        ("arguments in arguments", "{a(a:".repeat(6_000)),
        ("brackets that only close", "}])".repeat(10_000)),
        (
            "a default value in depth",
            format!("query($v:JSON={}{}){{__typename}}", "[".repeat(15_000), "]".repeat(15_000)),
        ),
        (
            "a directive's argument in depth",
            format!("{{__typename @skip(if:{}{})}}", "[".repeat(15_000), "]".repeat(15_000)),
        ),
        ("signs", "!".repeat(BYTES)),
        ("bytes of nothing", "\u{0}".repeat(BYTES)),
    ]
}

fn ignored() -> Vec<(&'static str, String)> {
    vec![
        ("commas", format!("{{a{}}}", ",".repeat(BYTES - 3))),
        (
            "commas in depth",
            format!("{}{}{}", "{a".repeat(30), ",".repeat(BYTES - 90), "}".repeat(30)),
        ),
        (
            "commas between tokens",
            format!("{{{}}}", fill(BYTES - 2, |i| format!("f{i}{}", ",".repeat(30)))),
        ),
        ("byte order marks", format!("{{a{}}}", "\u{feff}".repeat(BYTES / 3 - 4))),
        ("line breaks", format!("{{{}}}", "a\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n".repeat(FIELDS - 2))),
        ("comments", format!("{{a{}\n}}", "#\n".repeat(BYTES / 2 - 4))),
        ("a comment", format!("{{a#{}\n}}", "x".repeat(BYTES - 6))),
        ("nothing but a comment", format!("#{}", "x".repeat(BYTES - 1))),
        ("nothing but line breaks", "\n".repeat(BYTES)),
    ]
}

fn introspection() -> Vec<(&'static str, String)> {
    let nested = |levels: usize, around: &str| {
        format!("{{__schema{{types{{{}name{}}}}}}}", around.repeat(levels), "}}".repeat(levels))
    };
    vec![
        ("fields of types of fields", nested(4, "fields{type{")),
        ("fields of types of fields, further", nested(12, "fields{type{")),
        ("arguments of fields of types", nested(4, "fields{args{")),
        (
            "possible types",
            format!(
                "{{__schema{{types{}}}}}",
                "{possibleTypes".repeat(10) + "{name}" + &"}".repeat(10)
            ),
        ),
        (
            "the whole schema again",
            format!(
                "{{{}}}",
                each(8, |i| format!(
                    "s{i}:__schema{{types{{name description fields{{name description args{{name type{{name}}}}}}}}}} "
                ))
            ),
        ),
        (
            "the whole schema often",
            format!(
                "{{{}}}",
                each(48, |i| format!("s{i}:__schema{{types{{fields{{name args{{name}}}}}}}} "))
            ),
        ),
        (
            "one type often",
            format!(
                "{{{}}}",
                each(48, |i| format!(
                    "t{i}:__type(name:\"Mutation\"){{fields{{name args{{name}}}}}} "
                ))
            ),
        ),
    ]
}

/// Everything that an event says.
pub const EVENT: &str = "id sequence external_id type custom_type custom_type_version resource_name \
    custom_resource custom_resource_version resource_id occurred_at outcome purpose recorded_at \
    acting_user { id first_name last_name full_name email } organization { id name } \
    resource_changes { field value_before_change value_after_change withheld } ip_address user_agent \
    url page description request_id metadata";

/// A page of so many events with all that they say, as a field of this name.
pub fn page(name: &str, first: u32) -> String {
    format!(
        "{name}:auditLog(first:{first}){{total_count page_info{{has_next_page end_cursor}} nodes{{{EVENT}}}}} "
    )
}

fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("twenty full pages", format!("{{{}}}", each(20, |i| page(&format!("p{i}"), 1_000)))),
        (
            "a page with a field many times",
            format!("{{auditLog(first:1000){{nodes{{{}}}}}}}", "id ".repeat(FIELDS - 10)),
        ),
        (
            "a small page with a field many times",
            format!("{{auditLog(first:90){{nodes{{{}}}}}}}", "id ".repeat(FIELDS - 10)),
        ),
        (
            "counts",
            format!("{{{}}}", each(48, |i| format!("c{i}:auditLog(first:1){{total_count}} "))),
        ),
        (
            "counts, just few enough",
            format!("{{{}}}", each(39, |i| format!("c{i}:auditLog(first:1){{total_count}} "))),
        ),
        (
            "viewers of viewers",
            format!(
                "{{{}}}",
                each(48, |i| format!("v{i}:viewer{{organizations{{id name}} user{{id}}}} "))
            ),
        ),
    ]
}
