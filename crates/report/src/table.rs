// SPDX-License-Identifier: Apache-2.0
//! Columns of text.

/// Lines with the columns aligned, two spaces between them and none at the end of a line.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A Markdown table; what would end a cell is escaped.
pub fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| escape(cell)).collect()).collect();
    ready(head, &rows)
}

/// A Markdown table of cells that are Markdown already.
pub fn ready(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = line(&mut head.iter().map(|cell| (*cell).to_owned()));
    text.push_str(&line(&mut head.iter().map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(&mut row.iter().cloned()));
    }
    text
}

/// Text that came from a chain or a file, so that it cannot become markup.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => escaped.push(' '),
            '|' | '<' | '>' | '[' | ']' | '\\' | '`' | '*' | '#' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = aligned(&[row(&["a", "bb", "c"]), row(&["äöü", "b"])]);
        assert_eq!(text, "a    bb  c\näöü  b\n");
    }

    #[test]
    fn a_cell_cannot_break_out_of_its_table() {
        let text = markdown(&["name"], &[row(&["a | b\n<script>"])]);
        assert_eq!(text, "| name |\n| --- |\n| a \\| b \\<script\\> |\n");
    }
}
