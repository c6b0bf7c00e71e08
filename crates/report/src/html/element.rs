// SPDX-License-Identifier: Apache-2.0
//! HTML elements. Parameters called `content` are markup. All other parameters are text, which is
//! escaped here.

use crate::steps::Status;

/// Escapes text. Characters that change the text direction are replaced, because they can make a
/// hash or an address look like another one.
pub fn text(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => harmless.push_str("&lt;"),
            '>' => harmless.push_str("&gt;"),
            '&' => harmless.push_str("&amp;"),
            '"' => harmless.push_str("&quot;"),
            '\'' => harmless.push_str("&#39;"),
            '\n' | '\t' => harmless.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => harmless.push('\u{fffd}'),
            other if other.is_control() => harmless.push('\u{fffd}'),
            other => harmless.push(other),
        }
    }
    harmless
}

/// Renders a name of several parts, such as a pallet's call, with possible line breaks between the
/// parts.
pub fn name(name: &str) -> String {
    text(name).replace("::", "::<wbr>").replace('.', ".<wbr>").replace('_', "_<wbr>")
}

/// Wraps content in an element.
pub fn tag(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>\n")
}

/// Wraps content in an element with a CSS class.
pub fn class(name: &str, class: &str, content: &str) -> String {
    format!("<{name} class=\"{class}\">{content}</{name}>\n")
}

/// Renders a section with a title. Empty content gives no section.
pub fn section(title: &str, content: &str) -> String {
    match content {
        "" => String::new(),
        _ => format!("<section>\n{}{content}</section>\n", tag("h2", &text(title))),
    }
}

/// Renders a part that unfolds. It is open when printed.
pub fn folded(summary: &str, content: &str) -> String {
    format!("<details><summary>{}</summary>\n{content}</details>\n", text(summary))
}

/// Renders a value with a button that copies it: a hash, an address, a command. `what` is the
/// button's label.
pub fn copied(what: &str, value: &str) -> String {
    match value {
        "-" => "-".into(),
        value => format!("<code data-copy=\"{}\">{}</code>", text(what), text(value)),
    }
}

/// Renders a status as a coloured word.
pub fn status(status: Status) -> String {
    format!("<span class=\"{0}\">{0}</span>", status.word())
}

/// Renders a table of names and values. The second column is content.
pub fn facts(rows: &[(&str, String)]) -> String {
    let rows: String = rows
        .iter()
        .map(|(name, content)| format!("<tr><th scope=\"row\">{}</th><td>{content}</td></tr>\n", text(name)))
        .collect();
    class("table", "facts", &rows)
}

/// Renders a table of checks with their statuses. The last column is content.
pub fn verdicts(rows: &[(Status, String, String)]) -> String {
    let rows: String = rows
        .iter()
        .map(|(verdict, name, content)| {
            format!(
                "<tr><td>{}</td><th scope=\"row\">{}</th><td>{content}</td></tr>\n",
                status(*verdict),
                self::name(name)
            )
        })
        .collect();
    class("table", "verdicts", &rows)
}

/// Renders a table of three columns. On a phone the first column, a name, is above the two others.
/// All cells are content.
pub fn pairs(head: [&str; 3], rows: &[[String; 3]]) -> String {
    of_three("pairs", head, rows)
}

/// Renders the same table for old and new values.
pub fn from_to(head: [&str; 3], rows: &[[String; 3]]) -> String {
    of_three("pairs from-to", head, rows)
}

fn of_three(class_name: &str, head: [&str; 3], rows: &[[String; 3]]) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", text(name))).collect();
    let rows: String = rows
        .iter()
        .map(|[name, one, other]| format!("<tr><th scope=\"row\">{name}</th><td>{one}</td><td>{other}</td></tr>\n"))
        .collect();
    class("table", class_name, &format!("<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>"))
}

/// Renders a table with a name in the first column and numbers in the others. On a phone each
/// number has its own label. All cells are text.
pub fn numbers(head: &[&str], rows: &[Vec<String>]) -> String {
    let columns: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", text(name))).collect();
    let cell = |(index, value): (usize, &String)| match index {
        0 => format!("<th scope=\"row\">{}</th>", name(value)),
        _ => format!("<td>{} <small>{}</small></td>", text(value), text(head.get(index).unwrap_or(&"").trim())),
    };
    let row = |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>());
    let rows: String = rows.iter().map(row).collect();
    class("table", "numbers", &format!("<thead><tr>{columns}</tr></thead>\n<tbody>\n{rows}</tbody>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_break_between_their_parts_and_stay_harmless() {
        assert_eq!(name("Balances.transfer_all"), "Balances.<wbr>transfer_<wbr>all");
        assert_eq!(name("<b>.&lt;_"), "&lt;b&gt;.<wbr>&amp;lt;_<wbr>");
    }
}
