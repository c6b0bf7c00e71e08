// SPDX-License-Identifier: Apache-2.0
//! A proposal, verified from what is on chain to the source of the code that it authorizes.

use crate::{
    Check, Verdict, format,
    rebuild::Rebuilt,
    rehearse::{AuthorizedCode, RehearsalReport},
    verify::Verification,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A proposal that was verified: what it authorizes, who claims the codes, and whether all of it fits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferendumVerification {
    /// The format of the document: `cutover/referendum-verification/v1`.
    #[schemars(schema_with = "format::referendum_verification")]
    pub format: String,
    /// The proposal, as it was named: `referendum:7`.
    pub proposal: String,
    /// The codes that the call authorizes or puts in place, and those that were authorized before.
    pub codes: Vec<VerifiedCode>,
    /// What names codes: bundles, digests, blobs and builds.
    pub claims: Vec<CodeClaim>,
    /// The bundles, each verified.
    pub bundles: Vec<Verification>,
    /// The runtimes that were built again, besides those of bundles.
    pub rebuilt: Vec<Rebuilt>,
    /// What the proposal did on forks.
    pub rehearsal: RehearsalReport,
    /// The checks, in their order.
    pub checks: Vec<Check>,
    /// The combined verdict of all checks.
    pub verdict: Verdict,
    /// The number of hazards.
    pub hazards: usize,
}

/// A code that a chain authorizes, and what names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedCode {
    /// The code.
    #[serde(flatten)]
    pub code: AuthorizedCode,
    /// Whether something names it.
    pub status: CodeStatus,
    /// The names of the claims that name it, or that name another code for the same chain.
    pub claims: Vec<String>,
}

/// Whether something names a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeStatus {
    /// A claim names it.
    Claimed,
    /// No claim names it, and one names another code for the same chain.
    Mismatching,
    /// No claim is about the chain.
    Missing,
}

impl CodeStatus {
    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Mismatching => "mismatching",
            Self::Missing => "missing",
        }
    }
}

/// Something that names a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeClaim {
    /// What it is.
    pub kind: ClaimKind,
    /// The file, or the package that was built again. Of a bundle: its blob.
    pub name: String,
    /// The BLAKE2-256 hash of the code, `0x` and hex.
    pub blake2_256: String,
    /// The Cargo package of the runtime, as far as it is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The spec_name of the runtime. Nothing if it is not stated: the claim is then about any chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name: Option<String>,
    /// The spec_version of the runtime, as far as it is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_version: Option<u32>,
    /// The commit that the code was built from, as far as it is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// A bundle that is undamaged.
    Bundle,
    /// The digest of a build.
    Digest,
    /// The blob itself.
    Blob,
    /// A build from the source.
    Build,
}

impl ClaimKind {
    /// Returns the kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Digest => "digest",
            Self::Blob => "blob",
            Self::Build => "build",
        }
    }
}

impl CodeClaim {
    /// Returns whether the claim is about the code of this chain.
    pub fn is_about(&self, code: &AuthorizedCode) -> bool {
        self.spec_name.is_none() || self.spec_name == code.spec_name
    }

    /// Returns whether the claim names this code.
    pub fn names(&self, code: &AuthorizedCode) -> bool {
        code.blake2_256.as_deref() == Some(&self.blake2_256)
    }
}

/// Returns the codes with the claims about them. A claim that names a code says nothing about another one.
pub fn verified(codes: &[AuthorizedCode], claims: &[CodeClaim]) -> Vec<VerifiedCode> {
    let named = |found: Vec<&CodeClaim>| found.into_iter().map(|claim| claim.name.clone()).collect::<Vec<_>>();
    let is_used = |claim: &&CodeClaim| codes.iter().any(|code| claim.names(code));
    let of = |code: &AuthorizedCode| {
        let naming: Vec<_> = claims.iter().filter(|claim| claim.names(code)).collect();
        let others: Vec<_> = claims.iter().filter(|claim| !is_used(claim) && claim.is_about(code)).collect();
        let (status, found) = match (naming.is_empty(), others.is_empty()) {
            (false, _) => (CodeStatus::Claimed, naming),
            // Without a hash there is nothing to compare with.
            (true, false) if code.blake2_256.is_some() => (CodeStatus::Mismatching, others),
            (true, _) => (CodeStatus::Missing, Vec::new()),
        };
        VerifiedCode { code: code.clone(), status, claims: named(found) }
    };
    codes.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::CodeStage;

    fn code(spec_name: &str, hash: Option<&str>) -> AuthorizedCode {
        AuthorizedCode {
            chain: spec_name.into(),
            item: "System.AuthorizedUpgrade".into(),
            para: None,
            spec_name: Some(spec_name.into()),
            blake2_256: hash.map(str::to_owned),
            stage: CodeStage::Authorized,
            checks_version: Some(true),
            by_the_call: true,
        }
    }

    fn claim(name: &str, spec_name: Option<&str>, hash: &str) -> CodeClaim {
        CodeClaim {
            kind: ClaimKind::Blob,
            name: name.into(),
            blake2_256: hash.into(),
            package: None,
            spec_name: spec_name.map(str::to_owned),
            spec_version: None,
            commit: None,
        }
    }

    fn statuses(codes: &[AuthorizedCode], claims: &[CodeClaim]) -> Vec<CodeStatus> {
        verified(codes, claims).into_iter().map(|code| code.status).collect()
    }

    #[test]
    fn missing_is_not_mismatching() {
        let solo = [code("solo", Some("0x01"))];
        assert_eq!(statuses(&solo, &[claim("a", Some("solo"), "0x01")]), [CodeStatus::Claimed]);
        assert_eq!(statuses(&solo, &[claim("a", Some("solo"), "0x02")]), [CodeStatus::Mismatching]);
        assert_eq!(
            statuses(&solo, &[claim("a", None, "0x02")]),
            [CodeStatus::Mismatching],
            "it may be about any chain"
        );
        assert_eq!(statuses(&solo, &[claim("a", Some("other"), "0x02")]), [CodeStatus::Missing]);
        assert_eq!(statuses(&solo, &[]), [CodeStatus::Missing]);
        // One of two claims suffices.
        let both = [claim("a", Some("solo"), "0x02"), claim("b", Some("solo"), "0x01")];
        assert_eq!(statuses(&solo, &both), [CodeStatus::Claimed]);
        assert_eq!(verified(&solo, &both).first().map(|code| code.claims.clone()), Some(vec!["b".to_owned()]));
        assert_eq!(statuses(&[code("solo", None)], &both), [CodeStatus::Missing], "in a form that is not known");
    }

    #[test]
    fn a_claim_that_names_a_code_is_not_about_another_one() {
        let codes = [code("relay", Some("0x01")), code("people", Some("0x02"))];
        let relay = claim("a", None, "0x01");
        assert_eq!(statuses(&codes, std::slice::from_ref(&relay)), [CodeStatus::Claimed, CodeStatus::Missing]);
        let other = claim("b", None, "0x03");
        assert_eq!(statuses(&codes, &[relay, other]), [CodeStatus::Claimed, CodeStatus::Mismatching]);
    }
}
