// SPDX-License-Identifier: Apache-2.0
//! The signatures of a bundle and whether they are enough, as `upgrade` and `release` report them.

use protocol::{
    upgrade::SigningSummary,
    verify::{SigningStatus, missing_signers},
};

/// The signatures of a bundle, from the result of `verify`.
#[derive(Debug, Default)]
pub struct BundleSignatures {
    /// Whether there are enough counting signatures. Always false without a file of signers.
    pub signed_off: bool,
    /// The threshold in the file of signers. `None` without that file.
    pub needed: Option<u32>,
    pub counted: u32,
    /// The names of the signers that have not signed.
    pub missing: Vec<String>,
    /// The number of valid signatures by keys of people.
    by_people: usize,
    /// The number of valid signatures by throw-away keys.
    by_throw_away_keys: usize,
}

impl BundleSignatures {
    pub fn of(agreement: &SigningStatus, signed_off: bool) -> Self {
        let valid = |by_throw_away_keys: bool| {
            agreement.signatures.iter().filter(|one| one.valid && one.throw_away == by_throw_away_keys).count()
        };
        Self {
            signed_off,
            needed: agreement.needed,
            counted: agreement.counted,
            missing: agreement.missing.clone(),
            by_people: valid(false),
            by_throw_away_keys: valid(true),
        }
    }

    /// Returns the signatures as they are written to documents.
    pub fn summary(&self, steps_passed: bool) -> SigningSummary {
        SigningSummary {
            signatures: self.describe(steps_passed),
            signed_off: self.signed_off,
            needed: self.needed,
            counted: self.counted,
            missing: self.missing.clone(),
        }
    }

    /// Describes the signatures in one line.
    pub fn describe(&self, steps_passed: bool) -> String {
        if !steps_passed {
            return "none: an upgrade that did not pass is not signed".into();
        }
        match (self.needed, self.by_people, self.by_throw_away_keys) {
            (Some(needed), _, _) if self.signed_off => format!("{} of {needed} needed: enough", self.counted),
            (Some(needed), _, _) => {
                let missing = missing_signers(needed, self.counted, &self.missing);
                let missing = missing.map(|missing| format!("; {missing}")).unwrap_or_default();
                format!("{} of {needed} needed: not enough yet{missing}", self.counted)
            }
            (None, 0, 0) => "none".into(),
            (None, 0, count) => {
                format!("{count} by a throw-away key: it shows that nothing changed since, not who signed")
            }
            (None, people, _) => {
                format!("{people}; without a file of signers it is not known whether that is enough")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::signers::SignatureCheck;

    /// Returns a valid signature: by a signer, or by a throw-away key.
    fn by(name: Option<&str>) -> SignatureCheck {
        SignatureCheck {
            signer: name.map(str::to_owned),
            key_type: None,
            key_id: "x".into(),
            valid: true,
            counted: name.is_some(),
            throw_away: name.is_none(),
            reason: None,
        }
    }

    fn agreement(signers: &[Option<&str>], needed: Option<u32>, counted: u32, missing: &[&str]) -> SigningStatus {
        SigningStatus {
            signatures: signers.iter().map(|name| by(*name)).collect(),
            needed,
            counted,
            missing: missing.iter().map(|name| (*name).to_owned()).collect(),
            ..SigningStatus::default()
        }
    }

    #[test]
    fn the_status_says_who_signed_and_whether_it_is_enough() {
        let described =
            |agreement: &SigningStatus, signed_off: bool| BundleSignatures::of(agreement, signed_off).describe(true);
        assert!(BundleSignatures::default().describe(false).contains("not signed"));
        let alone = agreement(&[None], None, 0, &[]);
        assert!(described(&alone, false).starts_with("1 by a throw-away key"));
        // Signatures by people take precedence over throw-away keys.
        let both = agreement(&[None, Some("ana"), Some("cas")], Some(2), 2, &[]);
        assert_eq!(described(&both, true), "2 of 2 needed: enough");
        let one = agreement(&[None, Some("ana")], Some(2), 1, &["ben", "cas"]);
        assert_eq!(described(&one, false), "1 of 2 needed: not enough yet; 1 of ben, cas is missing");
        let without = agreement(&[Some("x"), None], None, 0, &[]);
        assert!(described(&without, false).starts_with("1; without a file of signers"));
        assert_eq!(described(&agreement(&[], None, 0, &[]), false), "none");
    }
}
