// SPDX-License-Identifier: Apache-2.0
use super::{
    accepted_signers, bundle_directory,
    rebuild::{Sources, Wanted, rebuild},
    reports, root_file, utf8,
};
use crate::{
    cli::{self, EngineOptions},
    context::Context,
    inputs::Variant,
    printer::Task,
    runtimes::Workspace,
    workers,
    workers::Worker,
};
use clap::ValueEnum as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use worker::{Failure, Outcome, Result};

/// The evidence of the build, in a bundle.
const BUILD: &str = "build.json";
/// A step's evidence may be this large.
const STEP_LIMIT: u64 = 16 * 1024 * 1024;

pub fn run(context: &Context, options: &cli::Verify) -> Result<bool> {
    if let Some(cli::VerifyWhat::Build(options)) = &options.what {
        return super::verify_build::run(context, options);
    }
    let Some(bundle) = options.bundle.as_deref() else { return Err(Failure::usage("no bundle is named")) };
    bundle_directory(bundle)?;
    if !options.rebuild && options.engine != EngineOptions::default() {
        return Err(Failure::usage("where to build is said, and nothing is to be built").hint("add --rebuild"));
    }
    let task = context.printer.task("verify");
    let log = context.log("verify");
    let root = root_file(context, options.root.as_deref())?;
    let mut outcome = ask(context, bundle, root.as_deref(), options.integrity_only, &task, &log)?;
    // What nobody signed for is not worth half an hour of compiling.
    if options.rebuild && outcome.passed {
        let (same, rebuilt) = rebuild_all(context, bundle, &outcome.value, &options.engine, &task, &log)?;
        outcome.passed &= same;
        if let Some(fields) = outcome.value.as_object_mut() {
            fields.insert("rebuilt".into(), rebuilt);
            fields.insert("verdict".into(), json!(if outcome.passed { "pass" } else { "fail" }));
        }
    }
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::verify(&outcome.value))?;
    Ok(outcome.passed)
}

/// Whether a bundle is signed off.
pub fn verify(
    context: &Context,
    bundle: &Path,
    root: Option<&Path>,
    task: &Task,
    log: &Path,
) -> Result<Outcome<Value>> {
    ask(context, bundle, root, false, task, log)
}

fn ask(
    context: &Context,
    bundle: &Path,
    root: Option<&Path>,
    integrity_only: bool,
    task: &Task,
    log: &Path,
) -> Result<Outcome<Value>> {
    let request = json!({
        "command": "verify",
        "bundle": utf8(bundle)?,
        "root": root.map(utf8).transpose()?,
        "accepted": utf8(&accepted_signers(context))?,
        "integrity_only": integrity_only,
    });
    let mut outcome = workers::call(context, Worker::Evidence, &request, task, log)?;
    if outcome.value["integrity"] == json!(true) {
        hold_reports(bundle, &mut outcome)?;
    }
    Ok(outcome)
}

/// Voters read the reports and nothing else, so they have to say what the evidence says.
fn hold_reports(bundle: &Path, outcome: &mut Outcome<Value>) -> Result<()> {
    let same_version = reports::are_of_this_version(&outcome.value);
    for name in reports::differing(bundle, &outcome.value)? {
        let fields = &mut outcome.value;
        if !same_version {
            let told = format!("{name} is not what this version of Cutover makes of the evidence, and another made it");
            fields["warnings"].as_array_mut().into_iter().for_each(|warnings| warnings.push(json!(told)));
            continue;
        }
        let subjects = fields["subjects"].as_array_mut().into_iter().flatten();
        for subject in subjects.filter(|subject| subject["name"] == json!(name)) {
            subject["ok"] = json!(false);
            subject["reason"] = json!("does not say what the evidence says: `upgrade` makes it of that alone");
        }
        outcome.passed = false;
        for (field, value) in [("integrity", json!(false)), ("signed_off", json!(false)), ("verdict", json!("fail"))] {
            fields[field] = value;
        }
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("hint");
        }
    }
    Ok(())
}

/// Compiles every blob of the bundle again from a clean checkout of the commit that it states, nothing taken from the cache.
fn rebuild_all(
    context: &Context,
    bundle: &Path,
    verified: &Value,
    options: &EngineOptions,
    task: &Task,
    log: &Path,
) -> Result<(bool, Value)> {
    let recorded = Recorded::read(bundle, verified)?;
    let commit = verified.pointer("/predicate/source/commit").and_then(Value::as_str);
    let dirty = verified.pointer("/predicate/source/dirty").and_then(Value::as_bool);
    let (Some(commit), Some(false)) = (commit, dirty) else {
        return Err(Failure::check("the bundle was not built from a commit: nobody can build it again")
            .found(match commit {
                None => "no commit in its manifest".to_owned(),
                Some(commit) => format!("uncommitted changes beside the commit {commit}"),
            })
            .expected("a bundle of committed sources")
            .hint("have it made from a clean work tree; `verify` without --rebuild checks the rest"));
    };
    let sources = Sources::open(context, Some(commit), None, task)?;
    let options = recorded.options(options, &Workspace::load(context)?.config.images);
    let engine = sources.engine(&options)?;
    let mut runtimes = Vec::new();
    for shipped in verified.pointer("/predicate/runtimes").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| shipped.get(name).and_then(Value::as_str).unwrap_or_default();
        let runtime = sources.workspace.find(text("name"))?;
        let blob = bundle.join(text("file"));
        let wanted = Wanted {
            runtime,
            variant: &recorded.variant,
            blake2_256: text("blake2_256"),
            blob: Some(utf8(&blob)?),
            stated: Some(recorded.stated.clone()),
        };
        let mut rebuilt = rebuild(&*engine, &sources, &wanted, task, log)?;
        if let Some(fields) = rebuilt.as_object_mut() {
            fields.insert("name".into(), json!(text("name")));
            fields.insert("blake2_256".into(), fields["rebuilt"].clone());
        }
        runtimes.push(rebuilt);
    }
    if runtimes.is_empty() {
        return Err(Failure::input("the bundle names no runtime to build again"));
    }
    let same = runtimes.iter().all(|runtime| runtime["same"] == json!(true));
    Ok((same, json!({"same": same, "runtimes": runtimes})))
}

/// How `build.json` of the bundle says that the blob was built.
struct Recorded {
    variant: Variant,
    /// Where it says so. It is a claim, and decides nothing that the verifier has not allowed.
    engine: Option<cli::Engine>,
    image: Option<String>,
    image_digest: Option<String>,
    plain: bool,
    stated: Value,
}

impl Recorded {
    /// Reads the file once, and takes it only if it is the one that was just verified.
    fn read(bundle: &Path, verified: &Value) -> Result<Self> {
        let path = bundle.join(BUILD);
        let text = files::read_bounded(&path, STEP_LIMIT)?;
        let subjects = verified.get("subjects").and_then(Value::as_array).into_iter().flatten();
        let mut signed =
            subjects.filter(|subject| subject["name"] == BUILD).filter_map(|subject| subject["sha256"].as_str());
        let found = hex::encode_prefixed(Sha256::digest(&text));
        if signed.next() != Some(found.as_str()) {
            return Err(Failure::check(format!("{} is not the file that was verified", path.display()))
                .found(format!("sha256 {found}"))
                .expected("a bundle that nobody changes while it is verified"));
        }
        let step: Value = serde_json::from_slice(&text)
            .map_err(|error| Failure::input(format!("{} is no JSON", path.display())).found(error.to_string()))?;
        Self::of(&step, &path)
    }

    fn of(step: &Value, path: &Path) -> Result<Self> {
        let result = step.get("result").cloned().unwrap_or_default();
        let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
        let profiles = [cli::Profile::Production, cli::Profile::Release, cli::Profile::Dev].map(cli::Profile::name);
        let stated = text("profile");
        let profile = profiles.into_iter().find(|name| Some(*name) == stated.as_deref()).ok_or_else(|| {
            Failure::input(format!("{} does not say how the blob was built", path.display()))
                .found(format!("profile {}", stated.as_deref().unwrap_or("missing")))
                .expected("production, release or dev")
        })?;
        let features = result.get("features").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            variant: Variant {
                profile,
                features: features.filter_map(Value::as_str).map(str::to_owned).collect(),
                default_features: result.get("default_features").and_then(Value::as_bool).unwrap_or(true),
                native: false,
            },
            engine: text("engine").and_then(|name| cli::Engine::from_str(&name, false).ok()),
            image: text("image").filter(|image| image.contains('@')).or_else(|| text("image_digest")),
            image_digest: text("image_digest"),
            plain: result.get("plain").and_then(Value::as_bool).unwrap_or_default(),
            stated: json!({
                "rustc": result.get("rustc"),
                "profile": result.get("profile"),
                "commit": result.get("commit"),
                "image": result.get("image_digest"),
            }),
        })
    }

    /// The verifier's own options; the image and the engine that the bundle states only where the verifier's workspace
    /// lists that image. Symbols as the bundle has them: they change the blob, and nothing that has to be trusted.
    fn options(&self, own: &EngineOptions, images: &[String]) -> EngineOptions {
        let mut options = EngineOptions { plain: own.plain || self.plain, ..own.clone() };
        let listed = self.image_digest.as_deref();
        if own.engine.is_none()
            && own.image.is_none()
            && listed.is_some_and(|digest| images.iter().any(|one| one == digest))
        {
            options.engine = self.engine;
            options.image.clone_from(&self.image);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINNED: &str = "docker.io/evil/srtool@sha256:11";

    fn recorded() -> Recorded {
        let step = json!({"result": {
            "profile": "production", "features": ["a"], "default_features": false,
            "engine": "docker", "image": PINNED, "image_digest": "sha256:11", "plain": true,
        }});
        Recorded::of(&step, Path::new("build.json")).expect("a record")
    }

    #[test]
    fn where_it_is_built_again_is_the_verifiers_choice() {
        let nothing = EngineOptions::default();
        let chosen = recorded().options(&nothing, &[]);
        assert_eq!((chosen.engine, chosen.image, chosen.plain), (None, None, true), "the bundle chooses nothing");
        let chosen = recorded().options(&nothing, &["sha256:11".to_owned()]);
        assert_eq!((chosen.engine, chosen.image.as_deref()), (Some(cli::Engine::Docker), Some(PINNED)), "it is listed");
        let own = EngineOptions { engine: Some(cli::Engine::Host), ..EngineOptions::default() };
        let chosen = recorded().options(&own, &["sha256:11".to_owned()]);
        assert_eq!((chosen.engine, chosen.image), (Some(cli::Engine::Host), None), "the command line counts first");
    }

    #[test]
    fn a_record_that_changed_after_it_was_verified_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let text = json!({"result": {"profile": "production"}}).to_string();
        std::fs::write(directory.path().join(BUILD), &text).expect("written");
        let verified = |text: &str| {
            let digest = hex::encode_prefixed(Sha256::digest(text.as_bytes()));
            json!({"subjects": [{"name": BUILD, "sha256": digest}]})
        };
        assert!(Recorded::read(directory.path(), &verified(&text)).is_ok());
        let failure = Recorded::read(directory.path(), &verified("another")).err().expect("refused");
        assert_eq!(failure.kind, worker::Kind::Check, "{failure}");
        assert!(Recorded::read(directory.path(), &json!({"subjects": []})).is_err(), "not a file of the bundle");
    }
}
