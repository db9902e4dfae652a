//! A plan's shape: its steps, and the tables and indexes that they go through, without its conditions.

use serde_json::Value;

/// Steps that are alike are told once.
const TIMES: char = '×';

/// The shape of a plan that PostgreSQL wrote as JSON, which cannot be mistaken for a value in it.
pub(super) fn of_postgres(plan: &str) -> Option<String> {
    let plan: Value = serde_json::from_str(plan).ok()?;
    Some(step(plan.get(0)?.get("Plan")?))
}

/// Of SQLite's, whose steps name their columns and no values.
pub(super) fn of_sqlite<'a>(steps: impl Iterator<Item = &'a str>) -> String {
    alike(steps.map(str::to_owned).collect())
}

fn step(plan: &Value) -> String {
    let text = |key: &str| plan.get(key).and_then(Value::as_str);
    let mut shape = text("Node Type").unwrap_or("?").to_owned();
    for (key, word) in [
        ("Join Type", ""),
        ("Scan Direction", ""),
        ("Index Name", "using "),
        ("Relation Name", "on "),
        ("CTE Name", "on "),
    ] {
        if let Some(name) = text(key).filter(|name| !matches!(*name, "Forward" | "Inner")) {
            shape.extend([" ", word, &of_any_month(name)]);
        }
    }
    let steps = plan.get("Plans").and_then(Value::as_array);
    let steps: Vec<String> = steps.into_iter().flatten().map(step).collect();
    match steps.as_slice() {
        [] => shape,
        [only] => format!("{shape} > {only}"),
        _ => format!("{shape} ({})", alike(steps)),
    }
}

/// Steps one after the other.
fn alike(steps: Vec<String>) -> String {
    let told = steps.chunk_by(|a, b| a == b).filter_map(|alike| match alike {
        [] => None,
        [step] => Some(step.clone()),
        [step, ..] => Some(format!("{step} {TIMES}{}", alike.len())),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The name of a partition or of its index, without its month: that tells what time was asked for.
fn of_any_month(name: &str) -> String {
    let parts = name.split_once("_y").map(|(before, rest)| (before, after_month(rest)));
    match parts {
        Some((before, Some(after))) => format!("{before}_*{after}"),
        _ => name.to_owned(),
    }
}

/// What comes after `2026m10`.
fn after_month(text: &str) -> Option<&str> {
    let (year, rest) = text.split_at_checked(4)?;
    let (month, rest) = rest.strip_prefix('m')?.split_at_checked(2)?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(year) && is_number(month)).then_some(rest)
}
