//! An organization is moved while somebody pages through the log of what is above it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::On;
use crate::support::world::{OWN, VIEW, World, event_with};

on_both!(paging_meanwhile_leaks_nothing_and_ends);

const PLACES: [&str; 5] = ["west", "portland", "seattle", "east", "boston"];

async fn paging_meanwhile_leaks_nothing_and_ends(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let wes = world.user("wes", "west", VIEW).await;
    let recorder = world.recorder("acme").await;
    let events = (0..60).map(|n| {
        let at = format!("2026-10-01T00:{n:02}:00Z");
        event_with(PLACES[n % 5], &n.to_string(), json!({"occurred_at": at}))
    });
    recorder.recorded(Value::from_iter(events)).await;

    let (is_done, moves) = (AtomicBool::new(false), AtomicUsize::new(0));
    let moving = async {
        while !is_done.load(Ordering::SeqCst) {
            for parent in ["east", "west"] {
                let moved = format!(
                    "mutation {{ moveOrganization(input: {{id: \"portland\", parent_id: \"{parent}\"}}) {{
                        organization {{ id }} messages {{ message }}
                    }} }}"
                );
                let moved = olga.query(&moved).await["moveOrganization"].take();
                assert_eq!(moved["organization"]["id"], "portland", "{moved}");
                moves.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    let paging = async {
        // Reading is the faster of the two: again, until it was in the middle of enough moves.
        for hierarchy in ["CURRENT", "AT_EVENT"].into_iter().cycle() {
            if moves.load(Ordering::SeqCst) > 20 {
                break;
            }
            for order in ["OCCURRED_AT_DESC", "OCCURRED_AT_ASC", "SEQUENCE_ASC", "SEQUENCE_DESC"] {
                let (mut seen, mut after) = (Vec::new(), Value::Null);
                for page in 0.. {
                    assert!(page < 40, "it goes on and on");
                    let query = format!(
                        "query($after: String) {{ auditLog(
                            resource_name: APPOINTMENT, order_by: {order}, hierarchy: {hierarchy},
                            first: 2, after: $after
                        ) {{
                            nodes {{ resource_id organization {{ id }} }}
                            page_info {{ end_cursor has_next_page }}
                        }} }}"
                    );
                    let log = wes.data(&query, json!({"after": after})).await["auditLog"].take();
                    seen.extend(log["nodes"].as_array().unwrap().clone());
                    if log["page_info"]["has_next_page"] == false {
                        break;
                    }
                    after = log["page_info"]["end_cursor"].clone();
                    // The last of a page may have gone before its successor was looked for.
                    assert!(after.is_string());
                }
                let mut numbers: Vec<i64> = seen
                    .iter()
                    .map(|event| event["resource_id"].as_str().unwrap().parse().unwrap())
                    .collect();
                if order.ends_with("DESC") {
                    numbers.reverse();
                }
                assert!(numbers.is_sorted_by(|a, b| a < b), "{order}: {numbers:?}");
                for (number, place) in (0_i64..60).zip(PLACES.into_iter().cycle()) {
                    let is_seen = numbers.contains(&number);
                    match place {
                        "west" | "seattle" => assert!(is_seen, "{order}: {number} is missing"),
                        "portland" => {
                            assert!(is_seen || hierarchy == "CURRENT", "it was recorded there");
                        }
                        _ => assert!(!is_seen, "{order}: {number} is of {place}"),
                    }
                }
            }
        }
        is_done.store(true, Ordering::SeqCst);
    };
    tokio::join!(moving, paging);
}
