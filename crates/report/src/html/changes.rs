// SPDX-License-Identifier: Apache-2.0
//! What the new runtime changed, and whom it breaks.

use super::{
    element::{class, folded, from_to, name, numbers, section, tag, text, verdicts},
    summary::check,
};
use crate::{
    field::{list, text as field},
    steps::counted,
};
use serde_json::Value;

/// More rows than this are a file, not a page.
const MOST: usize = 500;

pub fn changes(diff: &Value) -> String {
    let rules: Vec<_> = list(diff, "/rules").iter().map(check).collect();
    if rules.is_empty() {
        return String::new();
    }
    let mut content = verdicts(&rules);
    let rows: Vec<_> = list(diff, "/whom")
        .iter()
        .map(|concerned| ["/label", "/changes", "/breaking"].map(|pointer| field(concerned, pointer)).to_vec())
        .collect();
    if !rows.is_empty() {
        content.push_str(&tag("h3", "Whom it concerns"));
        content.push_str(&numbers(&["Who", "changes", "breaking"], &rows));
    }
    let (breaking, others): (Vec<_>, Vec<_>) =
        list(diff, "/changes").iter().partition(|change| field(change, "/severity") == "breaking");
    if !breaking.is_empty() {
        content.push_str(&tag("h3", "What breaks somebody"));
        content.push_str(&listed(&breaking));
    }
    if !others.is_empty() {
        let what = if breaking.is_empty() { "change" } else { "other change" };
        content.push_str(&folded(&counted(others.len(), what), &listed(&others)));
    }
    let untold: String =
        list(diff, "/untold").iter().filter_map(Value::as_str).map(|untold| tag("li", &text(untold))).collect();
    if !untold.is_empty() {
        content.push_str(&class("p", "soft", "Not compared:"));
        content.push_str(&class("ul", "soft", &untold));
    }
    section("What changed, and whom it breaks", &content)
}

fn listed(changes: &[&Value]) -> String {
    let rows: String = changes.iter().take(MOST).map(|change| listed_one(change)).collect();
    let more = changes.len().saturating_sub(MOST);
    let more = match more {
        0 => String::new(),
        more => class("p", "soft", &format!("And {more} more, which are in diff.json.")),
    };
    class("ul", "changes", &rows) + &more
}

/// `Balances.transfer  call moved  index 0 → index 1`, and below it where in the type it is.
fn listed_one(change: &Value) -> String {
    let title = match change.get("pallet").and_then(Value::as_str) {
        Some(pallet) if pallet != field(change, "/name") => format!("{pallet}.{}", field(change, "/name")),
        _ => field(change, "/name"),
    };
    let values = match (field(change, "/old").as_str(), field(change, "/new").as_str()) {
        ("-", "-") => String::new(),
        ("-", one) | (one, "-") => format!(" {}", text(one)),
        (old, new) => format!(" {} → {}", text(old), text(new)),
    };
    let details: String =
        list(change, "/details").iter().filter_map(Value::as_str).map(|detail| tag("li", &text(detail))).collect();
    let details = if details.is_empty() { details } else { tag("ul", &details) };
    let kind = text(&field(change, "/kind").replace('-', " "));
    format!("<li><code>{}</code> <strong>{kind}</strong>{values}{details}</li>\n", name(&title))
}

/// The constants that change, in the units of people.
pub fn parameters(diff: &Value) -> String {
    let all = list(diff, "/parameters");
    let present = |parameter: &Value, side: &str| parameter.get(side).is_some_and(|value| !value.is_null());
    let those = |old: bool, new: bool| -> Vec<[String; 3]> {
        all.iter().filter(|one| (present(one, "old"), present(one, "new")) == (old, new)).take(MOST).map(row).collect()
    };
    let (changed, new, gone) = (those(true, true), those(false, true), those(true, false));
    if [&changed, &new, &gone].iter().all(|rows| rows.is_empty()) {
        return String::new();
    }
    let head = ["Parameter", "Old", "New"];
    let mut content = match changed.is_empty() {
        true => tag("p", "None that both runtimes have."),
        false => from_to(head, &changed),
    };
    for (rows, what) in [(new, "new"), (gone, "gone")] {
        if !rows.is_empty() {
            content.push_str(&folded(&format!("{} {what}", rows.len()), &from_to(head, &rows)));
        }
    }
    section("Parameters that change", &content)
}

fn row(parameter: &Value) -> [String; 3] {
    let title = format!("{}.{}", field(parameter, "/pallet"), field(parameter, "/constant"));
    let unit = match field(parameter, "/unit").as_str() {
        "-" => String::new(),
        unit => format!("<small>{}</small>", text(unit)),
    };
    [name(&title) + &unit, text(&field(parameter, "/old")), text(&field(parameter, "/new"))]
}
