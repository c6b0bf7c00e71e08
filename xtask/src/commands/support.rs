// SPDX-License-Identifier: Apache-2.0
//! The `support` commands: what is wrong with a parachain, the calls that repair it, and single tasks.

use super::{dry_run, upgrade::bundle::pretty, utf8};
use crate::{
    cli::{self, AccountForm, SupportTask, WithCode},
    sources,
};
use protocol::{
    Verdict,
    dry_run::Request,
    support::{Diagnosis, RepairOptions, RepairReport, SovereignOf, SupportRequest, Task, TaskOptions, TaskReport},
};
use serde::{Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workers::Worker;
use workspace::{
    context::Context,
    networks::{self, Networks},
    runtimes,
};

pub fn run(context: &Context, command: &cli::Support) -> Result<Verdict> {
    match command {
        cli::Support::Diagnose(options) => {
            let diagnosis: Diagnosis = ask(context, &options.case, Asked::Diagnosis, "diagnose")?;
            written(options.case.out.as_deref(), &diagnosis)?;
            context.printer.result(&diagnosis, || report::support::diagnosis(&diagnosis))?;
            Ok(dry_run::verdict(diagnosis.verdict))
        }
        cli::Support::Repair(options) => {
            let repair = RepairOptions {
                code: options.code.as_deref().map(blob).transpose()?,
                heads: options.heads,
                out: options.calls.clone(),
            };
            let repaired: RepairReport = ask(context, &options.case, Asked::Repair(repair), "repair")?;
            written(options.case.out.as_deref(), &repaired)?;
            context.printer.result(&repaired, || report::support::repair(&repaired, options.calls.as_deref()))?;
            Ok(dry_run::verdict(repaired.verdict))
        }
        cli::Support::Task(command) => {
            let (options, task) = task(command)?;
            let (name, asked) = (task.name(), TaskOptions { task, heads: options.heads, out: options.calls.clone() });
            let tried: TaskReport = ask(context, &options.case, Asked::Task(asked), name)?;
            written(options.case.out.as_deref(), &tried)?;
            context.printer.result(&tried, || report::support_task::task(&tried, options.calls.as_deref()))?;
            Ok(dry_run::verdict(tried.verdict))
        }
    }
}

/// What the worker is asked for.
enum Asked {
    Diagnosis,
    Repair(RepairOptions),
    Task(TaskOptions),
}

/// Returns the name of a blob that is a file.
fn blob(blob: &Path) -> Result<String> {
    if !blob.is_file() {
        return Err(Failure::input(format!("there is no file {}", blob.display()))
            .expected("the blob of a runtime of the parachain"));
    }
    utf8(blob).map(str::to_owned)
}

/// Returns the options of a task, and the task.
fn task(command: &SupportTask) -> Result<(&cli::Tried, Task)> {
    let code = |with: &WithCode| blob(&with.code);
    Ok(match command {
        SupportTask::Unlock(tried) => (tried, Task::Unlock),
        SupportTask::Lock(tried) => (tried, Task::Lock),
        SupportTask::SetHead(own) => (&own.tried, Task::SetHead { head: own.head.clone() }),
        SupportTask::SetCode(own) => (&own.tried, Task::SetCode { code: code(own)? }),
        SupportTask::ScheduleCode(own) => {
            (&own.blob.tried, Task::ScheduleCode { code: code(&own.blob)?, at: own.from })
        }
        SupportTask::TrustCode(own) => (&own.tried, Task::TrustCode { code: code(own)? }),
        SupportTask::Register(own) => (
            &own.blob.tried,
            Task::Register {
                code: code(&own.blob)?,
                head: own.head.clone(),
                manager: own.manager.clone(),
                deposit: own.deposit.to_string(),
            },
        ),
        SupportTask::Onboard(own) => (
            &own.blob.tried,
            Task::Onboard { code: code(&own.blob)?, head: own.head.clone(), on_demand: own.on_demand },
        ),
        SupportTask::Deregister(tried) => (tried, Task::Deregister),
        SupportTask::Offboard(tried) => (tried, Task::Offboard),
        SupportTask::ToParachain(tried) => (tried, Task::ToParachain),
        SupportTask::ToParathread(tried) => (tried, Task::ToParathread),
        SupportTask::QueueAction(tried) => (tried, Task::QueueAction),
        SupportTask::TopUp(own) => {
            let account = sovereign(own.form, own.of)?;
            (&own.tried, Task::TopUp { amount: own.amount.to_string(), account })
        }
        SupportTask::OpenChannel(own) => {
            let (other, receives) = match (own.to, own.from) {
                (Some(to), _) => (to, false),
                (None, Some(from)) => (from, true),
                (None, None) => return Err(Failure::usage("a channel has two ends").expected("--to or --from")),
            };
            let (capacity, message_size) = (own.capacity, own.message_size);
            (&own.tried, Task::OpenChannel { other, receives, capacity, message_size })
        }
        SupportTask::CloseChannels(tried) => (tried, Task::CloseChannels),
        SupportTask::ProcessChannels(tried) => (tried, Task::ProcessChannels),
        SupportTask::AssignCore(own) => (&own.tried, Task::AssignCore { core: own.core }),
        SupportTask::SetCores(own) => (&own.tried, Task::SetCores { cores: own.cores }),
        SupportTask::Lease(own) => (&own.tried, Task::Lease { periods: own.periods, account: own.account.clone() }),
        SupportTask::ClearLeases(tried) => (tried, Task::ClearLeases),
        SupportTask::EndCooldown(tried) => (tried, Task::EndCooldown),
        SupportTask::EmptyDownwardQueue(tried) => (tried, Task::EmptyDownwardQueue),
        SupportTask::SetStorage(own) => {
            let task = match (&own.item, &own.value) {
                (Some(item), Some(value)) => {
                    Task::SetStorage { item: item.clone(), keys: own.key.clone(), value: value.clone() }
                }
                _ => Task::RawStorage { entries: own.raw.clone() },
            };
            (&own.tried, task)
        }
        SupportTask::KillStorage(own) => {
            (&own.tried, Task::KillStorage { item: own.item.clone(), keys: own.key.clone() })
        }
    })
}

fn sovereign(form: AccountForm, of: Option<u32>) -> Result<SovereignOf> {
    Ok(match (form, of) {
        (AccountForm::Relay, None) => SovereignOf::Child,
        (AccountForm::Parent, None) => SovereignOf::Parent,
        (AccountForm::Sibling, Some(id)) => SovereignOf::Sibling(id),
        (AccountForm::Sibling, None) => {
            return Err(Failure::usage("the account is that of another parachain").expected("its number with --of"));
        }
        (_, Some(_)) => return Err(Failure::usage("--of names another parachain").expected("it with --as sibling")),
    })
}

/// Sends the request to the worker, and returns its document.
fn ask<T: DeserializeOwned>(context: &Context, case: &cli::Case, asked: Asked, job: &str) -> Result<T> {
    let (relay, state) = chains(context, case)?;
    let (repair, task) = match asked {
        Asked::Diagnosis => (None, None),
        Asked::Repair(repair) => (Some(repair), None),
        Asked::Task(task) => (None, Some(task)),
    };
    let mends = repair.as_ref().and_then(|repair| repair.code.as_deref());
    let code = task.as_ref().and_then(|options| options.task.code()).or(mends);
    let inputs: Vec<_> =
        [Some(relay.as_str()), state.as_deref(), code].into_iter().flatten().map(PathBuf::from).collect();
    let reports: Vec<&Path> = case.out.iter().map(PathBuf::as_path).collect();
    dry_run::check_reports(&reports, &inputs)?;
    for earlier in &reports {
        dry_run::remove(earlier)?;
    }
    let state = state.map(|state| sources::source_at(context, &state, case.at.as_deref())).transpose()?;
    let request = Request::Support(Box::new(SupportRequest {
        relay: sources::source_at(context, &relay, case.relay_at.as_deref())?.source(),
        relay_at: case.relay_at.clone(),
        para: case.para,
        state: state.map(|state| state.source()),
        at: case.at.clone(),
        repair,
        task,
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    }));
    let progress = context.printer.task(job);
    Ok(workers::ask(context, Worker::DryRun, &request, &progress, &context.log(job))?.value)
}

fn written(out: Option<&Path>, document: &impl Serialize) -> Result<()> {
    match out {
        Some(out) => files::write_whole(out, &pretty(document)?),
        None => Ok(()),
    }
}

/// Returns the sources of the relay chain and of the parachain.
fn chains(context: &Context, case: &cli::Case) -> Result<(String, Option<String>)> {
    match (&case.network, &case.relay) {
        (Some(name), _) => {
            let networks = runtimes::networks(context)?;
            networks::find(&networks, name)?;
            let known = of_network(&networks, name, case.para);
            if case.state.is_none() && known.is_none() {
                let para = case.para;
                context
                    .printer
                    .warning(&format!("no node of parachain {para} of {name} is known: give one with --state"));
            }
            Ok((name.clone(), case.state.clone().or(known)))
        }
        (None, Some(relay)) => Ok((relay.clone(), case.state.clone())),
        (None, None) => {
            Err(Failure::usage("no relay chain is given").hint("name it with --relay, or with --network such as paseo"))
        }
    }
}

/// Returns the name of the parachain with this number of a relay chain, if a node of it is known.
fn of_network(networks: &Networks, relay: &str, para: u32) -> Option<String> {
    let within = format!("{relay}/");
    let is_it = |(name, network): &(&String, &networks::Network)| {
        let belongs = name.starts_with(&within) || network.relay.as_deref() == Some(relay);
        belongs && network.para_id == Some(para) && network.nodes.as_ref().is_some_and(|nodes| !nodes.is_empty())
    };
    networks.iter().find(is_it).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn a_parachain_of_a_known_network_is_found_by_its_number() {
        let networks = networks::with_built_in(Networks::new()).expect("read");
        assert_eq!(of_network(&networks, "paseo", 1004).as_deref(), Some("paseo/people"));
        // One without nodes, one that nobody knows, and one of another relay chain.
        assert_eq!(of_network(&networks, "paseo", 1010), None);
        assert_eq!(of_network(&networks, "paseo", 4321), None);
        assert_ne!(of_network(&networks, "kusama", 1004).as_deref(), Some("paseo/people"));
    }

    #[test]
    fn the_parachain_is_named_by_its_number_and_the_chains_in_one_way() {
        let is_valid = |words: &[&str]| Cli::try_parse_from(["cargo xtask", "support"].iter().chain(words)).is_ok();
        assert!(is_valid(&["diagnose", "--para", "2000", "--relay", "a.json", "--state", "b.json", "--at", "5"]));
        assert!(is_valid(&["repair", "--para", "2000", "--network", "paseo", "--code", "c.wasm", "--heads", "3"]));
        for words in [
            &["diagnose", "--relay", "a.json"][..],
            &["diagnose", "--para", "2000", "--relay", "a.json", "--network", "paseo"],
            &["diagnose", "--para", "x", "--relay", "a.json"],
            &["repair", "--para", "2000", "--relay", "a.json", "--heads", "0"],
        ] {
            assert!(!is_valid(words), "{words:?}");
        }
    }

    #[test]
    fn each_task_is_asked_for_with_what_it_takes() {
        let parsed = |words: &[&str]| {
            let case = ["--para", "2000", "--relay", "a.json"];
            let parsed = Cli::try_parse_from(["cargo xtask", "support"].iter().chain(words).chain(&case)).ok()?;
            match parsed.command {
                cli::Command::Support(cli::Support::Task(command)) => Some(task(&command).map(|(_, task)| task)),
                _ => None,
            }
        };
        for (words, expected) in [
            (&["unlock"][..], Task::Unlock),
            (&["set-head", "--head", "0x00"][..], Task::SetHead { head: Some("0x00".into()) }),
            (
                &["open-channel", "--from", "2001", "--capacity", "8"][..],
                Task::OpenChannel { other: 2001, receives: true, capacity: Some(8), message_size: None },
            ),
            (
                &["top-up", "--amount", "7", "--as", "sibling", "--of", "2001"][..],
                Task::TopUp { amount: "7".into(), account: SovereignOf::Sibling(2001) },
            ),
            (&["set-cores", "7"][..], Task::SetCores { cores: 7 }),
            (
                &["set-storage", "--item", "Paras.Heads", "--key", "2000", "--value", "0x00"][..],
                Task::SetStorage { item: "Paras.Heads".into(), keys: vec!["2000".into()], value: "0x00".into() },
            ),
            (&["set-storage", "--raw", "0x01=0x02"][..], Task::RawStorage { entries: vec!["0x01=0x02".into()] }),
        ] {
            assert_eq!(parsed(words), Some(Ok(expected)), "{words:?}");
        }
        for words in [
            &["open-channel"][..],
            &["open-channel", "--from", "2001", "--to", "2001"],
            &["top-up", "--amount", "7", "--as", "sibling"],
            &["set-storage", "--item", "Paras.Heads"],
            &["set-storage", "--item", "Paras.Heads", "--value", "1", "--raw", "0x01"],
            &["set-storage", "--key", "1", "--raw", "0x01"],
            &["set-storage"],
            &["schedule-code", "--code", "a.wasm"],
        ] {
            assert!(parsed(words).is_none(), "{words:?}");
        }
        // What the worker would take for something else.
        assert!(parsed(&["top-up", "--amount", "7", "--of", "2001"]).is_some_and(|task| task.is_err()));
        let failure = parsed(&["set-code", "--code", "nowhere.wasm"]).and_then(Result::err).expect("no such blob");
        assert!(failure.message.contains("nowhere.wasm"), "{failure:?}");
    }
}
