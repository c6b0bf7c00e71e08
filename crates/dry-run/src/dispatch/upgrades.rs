// SPDX-License-Identifier: Apache-2.0
//! The upgrades that a call authorized: anyone applies them, until the chains run the code.

use super::stage::{Member, Stage};
use crate::{
    enactment::{self, Applied, Versions},
    messages::Place,
    outcome::kept,
};
use artifact::{Version, version_of};
use fork::{Author, Chain, Code, Executor};
use network::{
    Network, ParaId, Parachain, include,
    upgrade::{self, Journey, Plan},
};
use protocol::{Source, rehearse::RehearsedUpgrade};
use source::ReadSource;
use worker::{Code as Failed, Failure, Reporter, Result};

/// The candidates of each parachain that are included under a new code.
const HEADS: u32 = 3;

/// A code that a proposal is to put in place.
pub struct Release {
    name: String,
    code: Code,
    version: Version,
    /// The other form of the code: the Wasm before its compression, or compressed as the Wasm builder does.
    other_form: Option<(&'static str, Vec<u8>)>,
    /// Whether a chain has to authorize it.
    pub is_expected: bool,
}

impl Release {
    pub fn read(name: &str, is_expected: bool) -> Result<Self> {
        let blob = name.parse::<Source>()?.blob()?;
        let version = version_of(name, &blob)?;
        let other_form = match blob.compressed {
            true => Some(("the Wasm before the compression", blob.wasm)),
            false => blob.to_compressed().ok().map(|other| ("the compressed form", other.deployed)),
        };
        Ok(Self { name: name.to_owned(), code: Code::new(blob.deployed), version, other_form, is_expected })
    }

    /// Returns the code in its forms, each with its name, and whether it is the one that a chain would run.
    pub fn forms(&self) -> Vec<(&'static str, &[u8], bool)> {
        let other = self.other_form.iter().map(|(form, bytes)| (*form, bytes.as_slice(), false));
        std::iter::once(("the code", self.code.bytes(), true)).chain(other).collect()
    }

    /// Returns the runtime in words. Unlike its name, this is the same on every machine.
    pub fn told(&self) -> String {
        format!("{} {}", self.version.spec_name, self.version.spec_version)
    }

    pub fn hash(&self) -> String {
        hex::encode_prefixed(self.code.hash())
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Applies each code on the chains whose states authorize it. The stage is used up.
pub fn apply<'a>(
    mut stage: Stage<'a>,
    members: &[Member],
    releases: &[Release],
    executor: &'a Executor,
    reporter: &Reporter,
) -> Result<Vec<RehearsedUpgrade>> {
    let mut upgrades = Vec::new();
    for release in releases {
        for member in members {
            let chain = stage.chain(member)?.clone();
            let Some((versions, extrinsic)) = authorized(&stage, &chain, release, executor)? else { continue };
            reporter.status(format!("applying {} on {}", release.told(), member.name));
            let step = match (&mut stage, member.place) {
                (Stage::Alone(_), _) => alone(&chain, &mut stage.author(executor), &release.code, versions),
                (Stage::Network(network), Some(Place::Parachain(id))) => {
                    of_parachain(network, ParaId::from(id), &release.code, extrinsic, reporter)
                }
                (Stage::Network(network), _) => of_relay_chain(network, &release.code, extrinsic, reporter),
            };
            let step = kept(step)?;
            upgrades.push(RehearsedUpgrade {
                chain: member.name.clone(),
                blake2_256: release.hash(),
                version: release.told(),
                live: step.is_ok(),
                told: step.unwrap_or_else(|failure| failure.to_string()),
            });
        }
    }
    Ok(upgrades)
}

/// Returns how the chain checks versions, and the extrinsic that applies the code, if its state authorizes the code.
fn authorized<'a>(
    stage: &Stage<'a>,
    chain: &Chain,
    release: &Release,
    executor: &'a Executor,
) -> Result<Option<(Versions, Vec<u8>)>> {
    let application = match enactment::application(&mut stage.author(executor), chain, &release.code) {
        Ok(application) => application,
        Err(failure) if failure.is(Failed::OlderThanTheCall) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let Some(stored) = chain.storage(&application.authorization.0)? else { return Ok(None) };
    // `CodeUpgradeAuthorization { code_hash, check_version }`
    Ok(match stored.split_at_checked(32) {
        Some((hash, check)) if hash == release.code.hash() => {
            let versions = if check == [0] { Versions::Unchecked } else { Versions::MustRise };
            Some((versions, application.extrinsic))
        }
        _ => None,
    })
}

fn alone(chain: &Chain, author: &mut Author<'_>, code: &Code, versions: Versions) -> Result<String> {
    let Applied { mut chain, detail, .. } = match enactment::apply(chain, author, code, versions)? {
        Ok(applied) => applied,
        Err(obstacle) => return Err(obstacle.failure().clone()),
    };
    for _ in 0..HEADS {
        author.build(&mut chain, fork::BlockRequest::default())?;
    }
    Ok(format!("{detail}; blocks of the new code up to {}", chain.number()))
}

fn of_parachain(
    network: &mut Network<'_>,
    para: ParaId,
    code: &Code,
    extrinsic: Vec<u8>,
    reporter: &Reporter,
) -> Result<String> {
    network.relay.settle(para)?;
    network.follow(para)?;
    network.both(para)?.1.submit(extrinsic);
    let Journey { backed, go_ahead, promoted, heads, ended, obstacle, .. } =
        upgrade::rehearse(network, &Plan { para, code, heads: HEADS, relay: None }, reporter)?;
    if let Some(obstacle) = obstacle {
        return Err(obstacle);
    }
    let number = |block: Option<u32>| block.map_or("none".to_owned(), |block| block.to_string());
    Ok(format!(
        "relay block {} backs the candidate with the code, {} has the go-ahead, {} promotes it; {heads} candidates of the new \
         code are included up to relay block {}",
        number(backed),
        number(go_ahead),
        number(promoted),
        number(ended)
    ))
}

fn of_relay_chain(network: &mut Network<'_>, code: &Code, extrinsic: Vec<u8>, reporter: &Reporter) -> Result<String> {
    network.relay.submit(extrinsic);
    network.relay.import_blocks();
    network.advance(|_| true)?;
    if network.relay.chain().next_code()? != *code {
        return Err(Failure::check("the relay chain does not take the code")
            .found("another code after the block that applies it")
            .expected("the same spec_name and a higher spec_version"));
    }
    network.relay.judge(code.clone());
    let applied = network.relay.chain().number();
    let paras: Vec<_> = network.parachains.iter().map(Parachain::id).collect();
    // Includes what the present code backed.
    network.advance(|_| true)?;
    let courses = include(network, &paras, HEADS, reporter)?;
    if let Some((para, obstacle)) = courses.into_iter().find_map(|course| Some((course.para, course.obstacle?))) {
        return Err(Failure { message: format!("parachain {}: {}", u32::from(para), obstacle.message), ..obstacle });
    }
    let last = network.relay.chain().number();
    Ok(match paras.len() {
        0 => format!("relay block {applied} puts it in place"),
        _ => format!(
            "relay block {applied} puts it in place; {HEADS} candidates of each parachain are included up to {last}"
        ),
    })
}
