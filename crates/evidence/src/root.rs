// SPDX-License-Identifier: Apache-2.0
//! The file of signers: who may sign an upgrade, and how many signatures are needed. It is kept in
//! the repository and reviewed like code.

use crate::{
    canonical,
    digest::{blake2_256, read_regular},
    envelope,
    keys::{CheckedSignature, PublicKey},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use protocol::{format::SIGNERS, signers::RootFile};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::SystemTime,
};
use worker::{Failure, Result};

const SIZE_LIMIT: u64 = 1024 * 1024;

/// The DSSE payload type of a file of signers.
const PAYLOAD: &str = "application/vnd.cutover.signers+json";

/// A file of signers that passed validation.
#[derive(Clone, Debug)]
pub struct Root {
    /// The document that was validated.
    pub file: RootFile,
    signers: Vec<Signer>,
}

#[derive(Clone, Debug)]
struct Signer {
    name: String,
    key: PublicKey,
    /// The index of the first entry that belongs to the same person.
    person: usize,
}

/// The result of counting signatures under a file of signers.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// For each signature: the signer's name, and the reason if the signature is not counted.
    pub each: Vec<(Option<String>, Option<String>)>,
    /// The number of people whose signatures are counted.
    pub counted: u32,
    /// The names of the signers who can still sign. Empty if the threshold is met.
    pub missing: Vec<String>,
    /// Whether the threshold is met.
    pub satisfied: bool,
}

impl Root {
    /// Reads and validates a file of signers. Errors name the file.
    pub fn read(path: &Path) -> Result<Self> {
        let named = |mut failure: Failure| {
            failure.message = format!("{}: {}", path.display(), failure.message);
            failure
        };
        let text = read_regular(path, SIZE_LIMIT)?;
        Self::parse(&text).map_err(named)
    }

    /// Parses and validates the text of a file of signers.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let file: RootFile = serde_json::from_slice(text).map_err(|error| {
            Failure::input("it is not a file of signers")
                .found(error.to_string())
                .expected(format!("the format {SIGNERS}"))
        })?;
        Self::new(file)
    }

    /// Validates a file of signers: its format, names, keys, threshold, expiry date and lineage.
    pub fn new(file: RootFile) -> Result<Self> {
        let invalid = |message: String| Failure::input(message);
        if file.format != SIGNERS {
            return Err(invalid("its format is unknown".into()).found(file.format).expected(SIGNERS));
        }
        if file.version == 0 {
            return Err(invalid("its version is 0".into()).expected("1 or more"));
        }
        let mut signers: Vec<Signer> = Vec::new();
        let mut materials: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        for entry in &file.signers {
            let name = entry.name.clone();
            if name.trim() != name || name.is_empty() || name.len() > 100 || has_hidden_characters(&name) {
                return Err(invalid("a signer's name cannot be used".into())
                    .found(format!("\"{}\"", name.escape_default()))
                    .expected("1 to 100 bytes without spaces around them, visible characters"));
            }
            // Several keys under one name belong to one person. Names that differ only in case are
            // refused, because readers confuse them.
            let alike = |other: &&Signer| other.name != name && other.name.to_lowercase() == name.to_lowercase();
            if let Some(other) = signers.iter().find(alike) {
                return Err(invalid(format!("{} and {name} differ only in case", other.name))
                    .hint("spell one person's name one way"));
            }
            let key = PublicKey::parse(entry.key_type, &entry.public_key).map_err(|mut failure| {
                failure.message = format!("the key of {name}: {}", failure.message);
                failure
            })?;
            if let Some(other) = materials.insert(key.material(), name.clone()) {
                let message = if other == name {
                    format!("{name} is listed twice with one key")
                } else {
                    format!("{other} and {name} have the same key")
                };
                return Err(invalid(message).found(key.key_id()).hint("list each key once"));
            }
            // Two keys derived from one seed belong to one person, even under different names.
            let same = |other: &&Signer| other.name == name || other.key.shares_seed_with(&key);
            let person = signers.iter().find(same).map_or(signers.len(), |other| other.person);
            signers.push(Signer { name, key, person });
        }
        let root = Self { file, signers };
        let (threshold, people) = (root.file.threshold, root.people());
        if threshold == 0 || threshold as usize > people {
            return Err(invalid("the threshold is 0 or larger than the number of signers".into())
                .found(format!("{threshold} of {people}"))
                .expected(format!("1 to {people}")));
        }
        if let Some(date) = &root.file.expires {
            parse_date(date)
                .ok_or_else(|| invalid("the expiry date is invalid".into()).found(date).expected("YYYY-MM-DD"))?;
        }
        if let Some(lineage) = &root.file.lineage {
            is_lineage(lineage).then_some(()).ok_or_else(|| {
                invalid("its lineage is invalid".into())
                    .found(format!("{lineage:?}"))
                    .expected("what `cargo xtask signers init` writes: 0x and 32 or 64 lower-case hex digits")
            })?;
        }
        Ok(root)
    }

    /// Returns the reason why a second signature of one person is not counted.
    fn repeated_reason(&self, signer: &Signer) -> String {
        match self.signers.get(signer.person) {
            Some(first) if first.name != signer.name => {
                format!("is not the first signature by {}, whose key has the same seed", first.name)
            }
            _ => format!("is not the first signature by {}", signer.name),
        }
    }

    /// Returns the lineage, which is the same in all versions of one file of signers. It is the
    /// value that `init` wrote into the first version, or else the hash of version 1. Returns
    /// `None` for a later version without a lineage, because such a file cannot be identified.
    pub fn lineage(&self) -> Result<Option<String>> {
        match (&self.file.lineage, self.file.version) {
            (Some(lineage), _) => Ok(Some(lineage.clone())),
            (None, 1) => Ok(Some(blake2_256(&self.signed_bytes()?))),
            (None, _) => Ok(None),
        }
    }

    /// Returns the signed bytes: all fields but the signatures, in canonical JSON.
    pub fn signed_bytes(&self) -> Result<Vec<u8>> {
        let mut file = self.file.clone();
        file.signatures.clear();
        let value = serde_json::to_value(&file)
            .map_err(|error| Failure::internal("a file of signers cannot be written").found(error.to_string()))?;
        Ok(envelope::signed_bytes(PAYLOAD, &canonical::to_bytes(&value)?))
    }

    /// Returns the names of the signers, each with the id of its key.
    pub fn listed(&self) -> String {
        let listed = self.signers.iter().map(|signer| format!("{} ({})", signer.name, signer.key.key_id()));
        listed.collect::<Vec<_>>().join(", ")
    }

    /// Returns the number of people who can sign. A person can have several keys.
    pub fn people(&self) -> usize {
        self.signers.iter().map(|signer| signer.person).collect::<BTreeSet<_>>().len()
    }

    /// Returns the pairs of names that count as one person because their keys have the same seed.
    pub fn shared_seeds(&self) -> BTreeSet<(&str, &str)> {
        let first = |signer: &Signer| self.signers.get(signer.person).map(|first| first.name.as_str());
        let pairs = self.signers.iter().filter_map(|signer| Some((first(signer)?, signer.name.as_str())));
        pairs.filter(|(first, name)| first != name).collect()
    }

    fn signer(&self, signature: &CheckedSignature) -> Option<&Signer> {
        self.signers.iter().find(|signer| signature.is_by(&signer.key))
    }

    /// Returns whether the signature was made by one of the listed keys.
    pub fn lists(&self, signature: &CheckedSignature) -> bool {
        self.signer(signature).is_some()
    }

    /// Returns whether the file lists this ssh key.
    pub fn lists_ssh_key(&self, key: &ssh_key::PublicKey) -> bool {
        self.signers.iter().any(|signer| matches!(&signer.key, PublicKey::Ssh(own) if own.key_data() == key.key_data()))
    }

    /// Returns whether the file's expiry date is before the date of `now` (UTC).
    pub fn expired(&self, now: SystemTime) -> bool {
        let today = Timestamp::try_from(now).ok().map(|now| now.to_zoned(TimeZone::UTC).date());
        // A date that does not parse was refused by `new`. Treat it as expired if one gets here.
        self.file.expires.as_deref().is_some_and(|date| match (parse_date(date), today) {
            (Some(last), Some(today)) => last < today,
            _ => true,
        })
    }

    /// Counts the signatures, at most one for each person. A signature is counted if it is valid
    /// and its key is listed. If `unexpired` is false, the file has expired and no signature is
    /// counted.
    pub fn tally(&self, signatures: &[CheckedSignature], unexpired: bool) -> Tally {
        let mut counted = BTreeSet::new();
        let mut each = Vec::new();
        for signature in signatures {
            let signer = self.signer(signature);
            let reason = match (&signature.invalid_reason, signer) {
                (Some(reason), _) => Some(reason.clone()),
                (None, _) if signature.throw_away => Some("is by a throw-away key".into()),
                (None, None) => Some("is by a key that the file of signers does not list".into()),
                (None, Some(_)) if !unexpired => Some("is under a file of signers that expired".into()),
                (None, Some(signer)) if !counted.insert(signer.person) => Some(self.repeated_reason(signer)),
                (None, Some(_)) => None,
            };
            each.push((signer.map(|signer| signer.name.clone()), reason));
        }
        let satisfied = counted.len() >= self.file.threshold as usize;
        let first_of_missing = |(index, signer): &(usize, &Signer)| signer.person == *index && !counted.contains(index);
        let missing = self.signers.iter().enumerate().filter(first_of_missing).map(|(_, signer)| signer.name.clone());
        Tally {
            each,
            counted: counted.len() as u32,
            missing: if satisfied { Vec::new() } else { missing.collect() },
            satisfied,
        }
    }
}

/// Writes a file of signers as formatted JSON.
pub fn write(path: &Path, file: &RootFile) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(file)
        .map_err(|error| Failure::internal("a file of signers cannot be written").found(error.to_string()))?;
    text.push(b'\n');
    files::write_whole(path, &text)
}

/// Returns whether the text is a valid lineage. The module `trust` uses the lineage as a file name.
fn is_lineage(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    matches!(digits.len(), 32 | 64) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Parses a date in the only accepted form, `2027-06-30`.
fn parse_date(date: &str) -> Option<Date> {
    // The parser also accepts other forms of ISO 8601, so the date must print as it was written.
    date.parse().ok().filter(|day: &Date| day.to_string() == date && day.year() >= 1970)
}

/// Returns whether a name has control characters, invisible ones or marks of text direction.
fn has_hidden_characters(name: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    name.chars().any(hidden)
}

/// Returns whether a word of the name mixes Latin letters with those of an alphabet in which letters
/// look the same: Greek, Cyrillic, Armenian or Cherokee. Only new files of signers are checked for
/// it, so that a signed one stays valid.
pub fn mixes_alphabets(name: &str) -> bool {
    // The blocks of Unicode with Latin letters: up to Latin Extended-B and IPA Extensions, Latin
    // Extended Additional, and the full-width forms.
    let latin = |c: char| {
        c.is_alphabetic()
            && matches!(c, '\0'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
    };
    let look_alike = |c: char| {
        c.is_alphabetic()
            && matches!(
                c,
                '\u{370}'..='\u{58f}' // Greek, Cyrillic, Armenian.
                    | '\u{13a0}'..='\u{13ff}' // Cherokee.
                    | '\u{1c80}'..='\u{1c8f}' // Cyrillic Extended-C.
                    | '\u{1f00}'..='\u{1fff}' // Greek Extended.
                    | '\u{2de0}'..='\u{2dff}' // Cyrillic Extended-A.
                    | '\u{a640}'..='\u{a69f}' // Cyrillic Extended-B.
                    | '\u{ab70}'..='\u{abbf}' // Cherokee Supplement.
            )
    };
    let mut words = name.split(|c: char| !c.is_alphabetic());
    words.any(|word| word.chars().any(latin) && word.chars().any(look_alike))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{ChainSecret, check};
    use protocol::signers::KeyType;
    use serde_json::{Value, json};

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48";

    fn root() -> Value {
        json!({
            "format": SIGNERS,
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
        assert!(!root.expired(SystemTime::now()));
    }

    #[test]
    fn names_that_hide_something_are_refused() {
        let visible =
            ["ana", "Jörg Müller", "Zoë-2 (ops)", "Анна", "Анна (ops)", "王芳 (Fang)", "Əliyev Fərid", "\u{430}na"];
        for name in visible {
            assert!(!has_hidden_characters(name), "{name}");
        }
        for name in ["an\u{200b}a", "ana\u{feff}", "\u{202e}ana", "a\nb", "a\u{ad}na"] {
            assert!(has_hidden_characters(name), "{}", name.escape_unicode());
        }
    }

    #[test]
    fn words_of_two_alphabets_are_recognized() {
        // With a Cyrillic a, a Greek o, an Armenian o, a Cherokee A, and a Cyrillic a in the second word.
        for name in ["\u{430}na", "b\u{3bf}b", "b\u{585}b", "\u{13aa}na", "Jörg M\u{430}ller"] {
            assert!(mixes_alphabets(name), "{}", name.escape_unicode());
        }
        let visible = [
            "ana",
            "Jörg Müller",
            "Анна",
            "Анна (ops)",
            "ops-Анна",
            "王芳 (Fang)",
            "Fang王芳",
            "Əliyev Fərid",
            "Nguyễn",
        ];
        for name in visible {
            assert!(!mixes_alphabets(name), "{name}");
        }
    }

    #[test]
    fn a_key_listed_twice_and_names_that_look_alike_are_refused() {
        let failure = refused(|root| root["signers"][1]["name"] = json!("Alice"));
        assert!(failure.message.contains("alice and Alice"), "{failure}");
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
                json!({"name": "chain", "key_type": "ed25519", "public_key": hex::encode_prefixed(point)});
        });
        assert!(failure.message.contains("ssh and chain"), "{failure}");
    }

    /// The published development phrase, as both kinds of chain key and as an ssh key of the same
    /// seed.
    #[test]
    fn keys_of_one_seed_and_keys_under_one_name_are_one_person() {
        let seed = "0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
        let key = |key_type, secret: &str| ChainSecret::parse(key_type, secret).expect("a key");
        let (sr, ed) = (key(KeyType::Sr25519, seed), key(KeyType::Ed25519, seed));
        let other = key(KeyType::Ed25519, &"11".repeat(32));
        let text = |key: &ChainSecret| key.public_key().to_text().expect("text");
        let ssh = ssh_key::PublicKey::from(ssh_key::public::Ed25519PublicKey(
            ed.public_key().material().try_into().expect("32 bytes"),
        ));
        let ssh = ssh.to_openssh().expect("a line");
        let of = |signers: Value, threshold: u32| {
            let file = json!({"format": SIGNERS, "version": 1, "threshold": threshold, "signers": signers});
            Root::parse(file.to_string().as_bytes())
        };
        let entry =
            |name: &str, key_type: &str, key: &str| json!({"name": name, "key_type": key_type, "public_key": key});
        let signatures: Vec<CheckedSignature> =
            [&sr, &ed, &other].iter().map(|key| check(&key.sign(b"message"), b"message")).collect();
        for (first, second) in [
            (entry("ana", "sr25519", &text(&sr)), entry("ben", "ed25519", &text(&ed))),
            (entry("ana", "ed25519", &text(&ed)), entry("ben", "sr25519", &text(&sr))),
            (entry("ana", "sr25519", &text(&sr)), entry("ana", "ed25519", &text(&ed))),
        ] {
            let third = entry("cas", "ed25519", &text(&other));
            let root = of(json!([first, second, third]), 2).expect("a root");
            assert_eq!(root.people(), 2);
            let tally = root.tally(&signatures[..2], true);
            assert_eq!((tally.counted, tally.satisfied, &tally.missing[..]), (1, false, &["cas".to_owned()][..]));
            let reason = tally.each[1].1.clone().expect("why");
            assert!(reason.contains("not the first signature by ana"), "{reason}");
            assert!(root.tally(&signatures, true).satisfied);
            assert_eq!(of(json!([first, second]), 2).expect_err("one person").found.as_deref(), Some("2 of 1"));
        }
        let root = of(json!([entry("ana", "ssh", &ssh), entry("ben", "sr25519", &text(&sr))]), 1).expect("a root");
        assert_eq!(root.people(), 1);
        // Unrelated keys count as two people, and so do derived keys, because their seed is not
        // visible.
        let root = of(json!([entry("ana", "sr25519", &text(&sr)), entry("ben", "ed25519", &text(&other))]), 2);
        assert_eq!(root.expect("a root").people(), 2);
    }

    #[test]
    fn a_lineage_is_what_init_writes_or_the_first_versions_hash() {
        let lineage = |change: &dyn Fn(&mut Value)| {
            let mut root = root();
            change(&mut root);
            Root::parse(root.to_string().as_bytes()).expect("a root").lineage().expect("a hash")
        };
        let hash = lineage(&|_| {}).expect("a hash");
        assert!(is_lineage(&hash), "{hash}");
        assert_ne!(lineage(&|root| root["threshold"] = json!(1)), Some(hash));
        assert_eq!(lineage(&|root| root["version"] = json!(2)), None);
        let written = format!("0x{}", "ab".repeat(16));
        assert_eq!(lineage(&|root| root["lineage"] = json!(written)), Some(written.clone()));
        for lineage in ["", "0x", "../../etc/passwd", "0xAB", &"ab".repeat(16), &format!("0x{}/", "ab".repeat(15))] {
            refused(|root| root["lineage"] = json!(lineage));
        }
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
        for date in [
            "",
            "soon",
            "2027-02-29",
            "2027-13-01",
            "2027-1-1",
            "+027-01-01",
            "20270101",
            "1969-12-31",
            "2027-01-01T00:00:00Z",
        ] {
            refused(|root| root["expires"] = json!(date));
        }
        Root::parse(b"").expect_err("empty");
    }

    #[test]
    fn a_root_holds_through_its_last_day() {
        let mut value = root();
        value["expires"] = json!("2027-06-30");
        let root = Root::parse(value.to_string().as_bytes()).expect("a root");
        let at = |time: &str| SystemTime::from(time.parse::<Timestamp>().expect("a time"));
        assert!(!root.expired(at("2027-06-30T23:59:59Z")));
        assert!(root.expired(at("2027-07-01T00:00:00Z")));
    }
}
