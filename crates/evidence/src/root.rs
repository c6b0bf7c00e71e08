// SPDX-License-Identifier: Apache-2.0
//! Who may sign an upgrade, and how many of them it takes: a file in the repository, reviewed like code.

use crate::{
    envelope::Signature,
    keys::{Checked, KeyType, PublicKey},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::SystemTime,
};
use worker::{Failure, Result};

pub const FORMAT: &str = "cutover/signers/v1";

const SIZE_LIMIT: u64 = 1024 * 1024;
const DAY: u64 = 24 * 60 * 60;

/// The file as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootFile {
    pub format: String,
    /// Rises by one with every change.
    pub version: u64,
    pub threshold: u32,
    /// The last day (UTC) on which the root holds: `2027-06-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    pub signers: Vec<SignerEntry>,
    /// Signatures over the rest, by the signers of this version and of the one before: see [`crate::root_change`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerEntry {
    pub name: String,
    pub key_type: KeyType,
    /// An OpenSSH public key line; for chain keys `0x` hex or an SS58 address.
    pub public_key: String,
}

/// A root whose keys and threshold make sense.
#[derive(Clone, Debug)]
pub struct Root {
    pub file: RootFile,
    signers: Vec<(String, PublicKey)>,
    throw_away: bool,
}

/// How signatures count under a root.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// For each signature the signer's name, and why it does not count if it does not.
    pub each: Vec<(Option<String>, Option<String>)>,
    pub satisfied: bool,
}

impl Root {
    pub fn read(path: &Path) -> Result<Self> {
        let named = |mut failure: Failure| {
            failure.message = format!("{}: {}", path.display(), failure.message);
            failure
        };
        let text = worker::read_bounded(path, SIZE_LIMIT)?;
        Self::parse(&text).map_err(named)
    }

    pub fn parse(text: &[u8]) -> Result<Self> {
        let file: RootFile = serde_json::from_slice(text).map_err(|error| {
            Failure::input("is no file of signers").found(error.to_string()).expected(format!("the format {FORMAT}"))
        })?;
        Self::new(file)
    }

    pub fn new(file: RootFile) -> Result<Self> {
        let wrong = |message: String| Failure::input(message);
        if file.format != FORMAT {
            return Err(wrong("has a format this version does not know".into()).found(file.format).expected(FORMAT));
        }
        if file.version == 0 {
            return Err(wrong("has the version 0".into()).expected("1 or more"));
        }
        let mut signers: Vec<(String, PublicKey)> = Vec::new();
        let mut materials: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        for entry in &file.signers {
            let name = entry.name.clone();
            if name.trim() != name || name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
                return Err(wrong("a signer's name cannot be used".into())
                    .found(format!("{name:?}"))
                    .expected("1 to 100 bytes without spaces around them"));
            }
            if signers.iter().any(|(other, _)| other.to_lowercase() == name.to_lowercase()) {
                return Err(wrong(format!("lists {name} twice")).hint("a signer has one key; two would count twice"));
            }
            let key = PublicKey::parse(entry.key_type, &entry.public_key).map_err(|mut failure| {
                failure.message = format!("the key of {name}: {}", failure.message);
                failure
            })?;
            if let Some(other) = materials.insert(key.material(), name.clone()) {
                return Err(wrong(format!("{other} and {name} have the same key"))
                    .found(key.key_id())
                    .hint("one key is one signer"));
            }
            signers.push((name, key));
        }
        if file.threshold == 0 || file.threshold as usize > signers.len() {
            return Err(wrong("has a threshold that its signers cannot meet, or that asks for nobody".into())
                .found(format!("{} of {}", file.threshold, signers.len()))
                .expected(format!("1 to {}", signers.len())));
        }
        if let Some(date) = &file.expires {
            day_of(date)
                .ok_or_else(|| wrong("has an end that is no date".into()).found(date).expected("YYYY-MM-DD"))?;
        }
        Ok(Self { file, signers, throw_away: false })
    }

    /// The root that a throw-away signature brings along: it proves that the bundle was not damaged, and nothing
    /// about who made it.
    pub fn of_throw_away(signatures: &[Checked]) -> Option<Self> {
        // As soon as one signature claims to be somebody's, only a root can say whose.
        let [signature] = signatures else { return None };
        let key = signature.key.clone().filter(|_| signature.throw_away)?;
        let name = "throw-away".to_owned();
        let entry = SignerEntry { name: name.clone(), key_type: key.key_type(), public_key: key.to_text().ok()? };
        let file = RootFile {
            format: FORMAT.into(),
            version: 1,
            threshold: 1,
            expires: None,
            signers: vec![entry],
            signatures: Vec::new(),
        };
        Some(Self { file, signers: vec![(name, key)], throw_away: true })
    }

    pub fn is_throw_away(&self) -> bool {
        self.throw_away
    }

    pub fn signer(&self, signature: &Checked) -> Option<&str> {
        self.signers.iter().find(|(_, key)| signature.is_by(key)).map(|(name, _)| name.as_str())
    }

    pub fn knows(&self, key: &ssh_key::PublicKey) -> bool {
        self.signers.iter().any(|(_, own)| matches!(own, PublicKey::Ssh(own) if own.key_data() == key.key_data()))
    }

    pub fn expired(&self, now: SystemTime) -> bool {
        let today = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / DAY);
        // A date that does not parse was refused; were it here, it would not be one that lies ahead.
        self.file.expires.as_deref().is_some_and(|date| day_of(date).is_none_or(|last| last < today))
    }

    /// Counts distinct signers. A signature counts if it is valid and the first of a signer of this root.
    pub fn tally(&self, signatures: &[Checked], now: SystemTime) -> Tally {
        let mut counted = BTreeSet::new();
        let mut each = Vec::new();
        for signature in signatures {
            let name = self.signer(signature).map(str::to_owned);
            let reason = if let Some(wrong) = &signature.wrong {
                Some(wrong.clone())
            } else if signature.throw_away && !self.throw_away {
                Some("is by a throw-away key".into())
            } else {
                match &name {
                    None => Some("is by a key that the root does not list".into()),
                    Some(name) if !counted.insert(name.clone()) => Some(format!("is not the first by {name}")),
                    Some(_) => None,
                }
            };
            each.push((name, reason));
        }
        let satisfied = counted.len() >= self.file.threshold as usize && !self.expired(now);
        Tally { each, satisfied }
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn day_of(date: &str) -> Option<u64> {
    let [year, month, day] = date.split('-').collect::<Vec<_>>().try_into().ok()?;
    if (year.len(), month.len(), day.len()) != (4, 2, 2)
        || !date.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
    {
        return None;
    }
    let (year, month, day): (u64, u64, u64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let length = |month| match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap(year) => 29,
        2 => 28,
        _ => 31,
    };
    if year < 1970 || !(1..=12).contains(&month) || !(1..=length(month)).contains(&day) {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let months: u64 = (1..month).map(length).sum();
    Some(years + months + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48";

    fn root() -> Value {
        json!({
            "format": FORMAT,
            "version": 1,
            "threshold": 2,
            "signers": [
                {"name": "alice", "key_type": "sr25519", "public_key": ALICE},
                {"name": "bob", "key_type": "sr25519", "public_key": BOB},
            ],
        })
    }

    fn refused(change: impl FnOnce(&mut Value)) -> Failure {
        let mut root = root();
        change(&mut root);
        Root::parse(root.to_string().as_bytes()).expect_err("refused")
    }

    #[test]
    fn a_root_is_read() {
        let root = Root::parse(root().to_string().as_bytes()).expect("a root");
        assert_eq!(root.file.threshold, 2);
        assert!(!root.is_throw_away() && !root.expired(SystemTime::now()));
    }

    #[test]
    fn a_signer_or_a_key_listed_twice_is_refused() {
        let failure = refused(|root| root["signers"][1]["name"] = json!("Alice"));
        assert!(failure.message.contains("twice"), "{failure}");
        let failure = refused(|root| {
            root["signers"][1]["public_key"] =
                json!("0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
        });
        assert!(failure.message.contains("alice and bob"), "{failure}");
    }

    #[test]
    fn one_secret_behind_an_ssh_line_and_a_chain_key_is_one_signer() {
        let key = ssh_key::PrivateKey::random(&mut rand_core::OsRng, ssh_key::Algorithm::Ed25519).expect("a key");
        let point = key.public_key().key_data().ed25519().expect("ed25519").0;
        let line = key.public_key().to_openssh().expect("a line");
        let failure = refused(|root| {
            root["signers"][0] = json!({"name": "ssh", "key_type": "ssh", "public_key": line});
            root["signers"][1] =
                json!({"name": "chain", "key_type": "ed25519", "public_key": worker::hex_prefixed(&point)});
        });
        assert!(failure.message.contains("ssh and chain"), "{failure}");
    }

    #[test]
    fn thresholds_that_prove_nothing_or_cannot_be_met_are_refused() {
        for threshold in [0, 3] {
            let failure = refused(|root| root["threshold"] = json!(threshold));
            assert_eq!(failure.found, Some(format!("{threshold} of 2")));
        }
        refused(|root| root["threshold"] = json!(-1));
        refused(|root| root["signers"] = json!([]));
    }

    #[test]
    fn mistakes_are_refused() {
        refused(|root| root["format"] = json!("cutover/signers/v2"));
        refused(|root| root["version"] = json!(0));
        refused(|root| root["treshold"] = json!(1));
        refused(|root| root["signers"][0]["name"] = json!(" alice"));
        refused(|root| root["signers"][0]["name"] = json!("a\u{7}"));
        refused(|root| root["signers"][0]["key_type"] = json!("pgp"));
        refused(|root| root["signers"][0]["public_key"] = json!("0x00"));
        for date in ["", "soon", "2027-02-29", "2027-13-01", "2027-1-1", "+027-01-01", "2027-01-01T00:00:00Z"] {
            refused(|root| root["expires"] = json!(date));
        }
        Root::parse(b"").expect_err("empty");
    }

    #[test]
    fn a_root_holds_through_its_last_day() {
        assert_eq!(day_of("1970-01-01"), Some(0));
        assert_eq!(day_of("2000-02-29"), Some(11016));
        assert_eq!(day_of("2027-06-30"), Some(20999));
        let mut value = root();
        value["expires"] = json!("2027-06-30");
        let root = Root::parse(value.to_string().as_bytes()).expect("a root");
        let at = |days: u64, seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(days * DAY + seconds);
        assert!(!root.expired(at(20999, DAY - 1)));
        assert!(root.expired(at(21000, 0)));
    }
}
