// SPDX-License-Identifier: Apache-2.0
//! Who signed a bundle and whether that is enough, as `upgrade` and `release` tell it.

use serde_json::{Value, json};

/// Who signed, by what `verify` says of it.
#[derive(Debug, Default)]
pub struct Signing {
    /// Whether enough of those whose signatures count signed. Nobody can say so without a file of signers.
    pub signed_off: bool,
    /// By the file of signers, where there is one.
    pub needed: Option<u64>,
    pub counted: u64,
    /// Who could still sign.
    pub missing: Vec<String>,
    /// Valid signatures by keys that somebody keeps, and by such that nobody does.
    by_people: usize,
    thrown_away: usize,
}

impl Signing {
    pub fn of(verified: &Value) -> Self {
        let is = |value: &Value, name: &str| value.get(name) == Some(&json!(true));
        let all = verified.get("signatures").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let valid = |thrown_away: bool| {
            all.iter().filter(|one| is(one, "valid") && is(one, "throw_away") == thrown_away).count()
        };
        let missing = verified.get("missing").and_then(Value::as_array).into_iter().flatten();
        Self {
            signed_off: is(verified, "signed_off"),
            needed: verified.get("needed").and_then(Value::as_u64),
            counted: verified.get("counted").and_then(Value::as_u64).unwrap_or_default(),
            missing: missing.filter_map(Value::as_str).map(str::to_owned).collect(),
            by_people: valid(false),
            thrown_away: valid(true),
        }
    }

    /// As it stands in documents.
    pub fn document(&self) -> Value {
        json!({
            "signatures": self.told(true),
            "signed_off": self.signed_off,
            "needed": self.needed,
            "counted": self.counted,
            "missing": self.missing,
        })
    }

    /// In one line.
    pub fn told(&self, steps_passed: bool) -> String {
        if !steps_passed {
            return "none: an upgrade that did not pass is not signed".into();
        }
        match (self.needed, self.by_people, self.thrown_away) {
            (Some(needed), _, _) if self.signed_off => format!("{} of {needed} needed: enough", self.counted),
            (Some(needed), _, _) => {
                let missing = match self.missing.is_empty() {
                    true => String::new(),
                    false => format!("; {} can still sign", self.missing.join(" or ")),
                };
                format!("{} of {needed} needed: not enough yet{missing}", self.counted)
            }
            (None, 0, 0) => "none".into(),
            (None, 0, count) => {
                format!("{count} by a key that was thrown away: it shows that nothing changed since, not who signed")
            }
            (None, people, _) => {
                format!("{people}; without a file of signers nobody can say whether that is enough")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_who_signed_and_whether_it_is_enough() {
        let by = |name: &str| json!({"valid": true, "counted": true, "throw_away": false, "signer": name});
        let thrown = json!({"valid": true, "counted": false, "throw_away": true});
        let told = |verified: &Value| Signing::of(verified).told(true);
        assert!(Signing::default().told(false).contains("not signed"));
        let alone = json!({"signatures": [thrown], "needed": null, "counted": 0, "signed_off": false});
        assert!(told(&alone).starts_with("1 by a key that was thrown away"));
        assert!(!Signing::of(&alone).signed_off, "nobody signed off what a thrown-away key signed");
        // What people signed is told as such, whatever else is there.
        let both = json!({"signatures": [thrown, by("ana"), by("cas")], "needed": 2, "counted": 2, "signed_off": true});
        assert_eq!(told(&both), "2 of 2 needed: enough");
        let one = json!({"signatures": [thrown, by("ana")], "needed": 2, "counted": 1, "missing": ["ben", "cas"],
            "signed_off": false});
        assert_eq!(told(&one), "1 of 2 needed: not enough yet; ben or cas can still sign");
        let without = json!({"signatures": [by("x"), thrown], "needed": null, "counted": 0, "signed_off": false});
        assert!(told(&without).starts_with("1; without a file of signers"));
        assert_eq!(told(&json!({"signatures": []})), "none");
    }
}
