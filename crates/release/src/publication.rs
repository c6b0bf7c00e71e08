// SPDX-License-Identifier: Apache-2.0
//! Publishes a prepared release: creates a draft, uploads and verifies the files, then publishes
//! the draft.
//!
//! Each step first checks the state on GitHub. An interrupted run continues when the command is run
//! again, and a published release is never changed.

use crate::{
    directory::{self, FILE_LIMIT, Files, UnknownFields},
    gh::{Gh, UploadedAsset, UploadedRelease},
    names::NOTES,
};
use files::utf8;
use protocol::release::{
    Asset, PublishReport, PublishState, PublishedAsset, PublishedBundle, Record, SignedBundle, UploadAction, VERSION,
};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::context::Context;

/// The options of a publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// The repository: OWNER/NAME or HOST/OWNER/NAME. By default gh finds it.
    pub repo: Option<String>,
    /// Whether the release is marked as a pre-release.
    pub prerelease: bool,
    /// Whether the draft is kept.
    pub draft: bool,
    /// Whether the commands are only listed.
    pub dry_run: bool,
}

/// Checks that a repository is OWNER/NAME or HOST/OWNER/NAME.
fn check_repo(repo: Option<&str>) -> Result<()> {
    let Some(repo) = repo else { return Ok(()) };
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let parts: Vec<&str> = repo.split('/').collect();
    match (2..=3).contains(&parts.len()) && parts.into_iter().all(plain) {
        true => Ok(()),
        false => Err(Failure::usage(format!("{repo:?} is not a repository")).expected("OWNER/NAME or HOST/OWNER/NAME")),
    }
}

/// The publication of one release.
pub struct Publication<'run> {
    context: &'run Context,
    options: &'run PublishOptions,
    gh: Gh<'run>,
    record: Record,
    directory: PathBuf,
}

/// The state of an uploaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UploadState {
    Same,
    Different,
    Missing,
}

impl<'run> Publication<'run> {
    /// Reads a prepared release and checks that it can be published.
    pub fn open(context: &'run Context, directory: &Path, options: &'run PublishOptions) -> Result<Self> {
        let (record, canonical) = directory::read(directory)?;
        if record.release.dirty {
            return Err(Failure::check(format!("{} was made from a work tree with changes", directory.display()))
                .expected("a release that everybody can build from its commit")
                .hint("commit the changes and prepare it again"));
        }
        if utf8(&canonical)?.contains('#') {
            return Err(Failure::usage(format!("{} has a # in its path", canonical.display()))
                .expected("a path without #: gh reads what follows as a label"));
        }
        check_repo(options.repo.as_deref())?;
        let gh = Gh { workspace: &context.workspace, repo: options.repo.as_deref() };
        Ok(Self { context, options, gh, record, directory: canonical })
    }

    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns the release's directory, canonical.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Publishes the release, or lists the commands in a dry run. `bundles` are the signatures that
    /// were just counted.
    pub fn run(&mut self, bundles: &[SignedBundle]) -> Result<PublishReport> {
        self.update_notes(bundles)?;
        let report = if self.options.dry_run { self.list()? } else { self.publish()? };
        Ok(PublishReport { signatures: bundles.iter().map(PublishedBundle::from).collect(), ..report })
    }

    /// Writes the notes and the record again if they state other signatures than those of the
    /// bundles: somebody signed without the file of signers, or it has a new version.
    fn update_notes(&mut self, bundles: &[SignedBundle]) -> Result<()> {
        let mut record = self.record.clone();
        record.set_signing(bundles);
        if record == self.record {
            return Ok(());
        }
        let notes = self.directory.join(NOTES);
        if self.options.dry_run {
            self.context.printer.warning(&format!("{} states other signatures and would be updated", notes.display()));
            return Ok(());
        }
        let _turn = directory::lock(&self.directory)?;
        directory::check_unchanged(&self.directory, &self.record)?;
        let mut files = Files::of(&record, &self.directory)?;
        files.seal(&mut record, &UnknownFields::read(&self.directory)?)?;
        files.place(&self.directory)?;
        self.record = record;
        self.context.printer.status(&format!("{} stated other signatures and was updated", notes.display()));
        Ok(())
    }

    fn path(&self, name: &str) -> Result<String> {
        Ok(utf8(&self.directory.join(name))?.to_owned())
    }

    /// Returns the arguments of `gh` that create the draft.
    fn create(&self) -> Result<Vec<String>> {
        let record = &self.record;
        let mut words = vec!["release".to_owned(), "create".into(), record.release.tag.clone(), "--draft".into()];
        words.extend(["--title".into(), record.release.title.clone(), "--notes-file".into(), self.path(NOTES)?]);
        words.extend(["--target".into(), record.release.commit.clone()]);
        words.extend(self.options.prerelease.then(|| "--prerelease".into()));
        Ok(words)
    }

    /// Returns the arguments of `gh` that upload a file.
    fn upload(&self, asset: &Asset) -> Result<Vec<String>> {
        let words = ["release", "upload", &self.record.release.tag, &self.path(&asset.name)?, "--clobber"];
        Ok(words.map(str::to_owned).to_vec())
    }

    /// Returns the arguments of `gh` that publish the draft.
    fn edit(&self) -> Vec<String> {
        ["release", "edit", &self.record.release.tag, "--draft=false"].map(str::to_owned).to_vec()
    }

    /// Lists the commands of a run for which nothing exists on GitHub.
    fn list(&self) -> Result<PublishReport> {
        let mut commands = vec![self.create()?];
        for asset in &self.record.assets {
            commands.push(self.upload(asset)?);
        }
        commands.extend((!self.options.draft).then(|| self.edit()));
        let commands = commands.iter().map(|words| self.gh.line(&borrowed(words))).collect();
        Ok(PublishReport { commands, ..self.report(PublishState::NothingDone, None, &[]) })
    }

    fn report(
        &self,
        state: PublishState,
        release: Option<&UploadedRelease>,
        actions: &[(&Asset, UploadAction)],
    ) -> PublishReport {
        let published =
            |(asset, action): &(&Asset, UploadAction)| PublishedAsset { asset: (*asset).clone(), action: *action };
        PublishReport {
            version: VERSION,
            tag: self.record.release.tag.clone(),
            state,
            url: release.map(|release| release.url.clone()),
            assets: actions.iter().map(published).collect(),
            signatures: Vec::new(),
            dry_run: self.options.dry_run,
            commands: Vec::new(),
        }
    }

    fn publish(&self) -> Result<PublishReport> {
        self.gh.check()?;
        let release = match self.gh.view(&self.record.release.tag)? {
            Some(release) if !release.is_draft => return self.already_published(&release),
            Some(release) => release,
            None => self.draft()?,
        };
        self.check_draft(&release)?;
        self.edit_notes(&release)?;
        let mut actions = Vec::new();
        for asset in &self.record.assets {
            let action = match self.upload_state(&release, asset)? {
                UploadState::Same => UploadAction::AlreadyThere,
                UploadState::Missing => UploadAction::Uploaded,
                UploadState::Different => UploadAction::Replaced,
            };
            if action != UploadAction::AlreadyThere {
                self.context.printer.status(&format!("uploading {}", asset.name));
                self.gh.run(&borrowed(&self.upload(asset)?))?;
            }
            actions.push((asset, action));
        }
        let release = self.present()?;
        self.check_assets(&release)?;
        if self.options.draft {
            return Ok(self.report(PublishState::Draft, Some(&release), &actions));
        }
        self.gh.run(&borrowed(&self.edit()))?;
        let release = self.present()?;
        if release.is_draft {
            return Err(Failure::environment(format!("the release {} is still a draft", self.record.release.tag))
                .hint("run the command again"));
        }
        Ok(self.report(PublishState::Published, Some(&release), &actions))
    }

    /// Returns the release, which must exist.
    fn present(&self) -> Result<UploadedRelease> {
        self.gh.view(&self.record.release.tag)?.ok_or_else(|| {
            Failure::environment(format!("the release {} does not exist on GitHub", self.record.release.tag))
                .hint("run the command again: finished steps are not repeated")
        })
    }

    /// Compares a release that is published already. Users may have downloaded it, so it is not
    /// changed.
    fn already_published(&self, release: &UploadedRelease) -> Result<PublishReport> {
        self.check_assets(release)?;
        let actions: Vec<_> = self.record.assets.iter().map(|asset| (asset, UploadAction::AlreadyThere)).collect();
        Ok(self.report(PublishState::PublishedBefore, Some(release), &actions))
    }

    /// Creates the draft. Checks that GitHub has the commit and that the tag does not point to
    /// another one.
    fn draft(&self) -> Result<UploadedRelease> {
        let record = &self.record;
        if self.gh.commit(&record.release.commit)?.as_ref() != Some(&record.release.commit) {
            return Err(Failure::input(format!("GitHub does not have the commit {}", record.release.commit))
                .expected("the commit that the release was made from")
                .hint("git push, then run the command again"));
        }
        match self.gh.commit(&format!("tags/{}", record.release.tag))? {
            Some(commit) if commit != record.release.commit => {
                return Err(Failure::input(format!("the tag {} exists already on GitHub", record.release.tag))
                    .found(format!("at commit {commit}"))
                    .expected(format!("no such tag, or one at {}", record.release.commit))
                    .hint("prepare the release again, under another tag or from that commit"));
            }
            _ => {}
        }
        self.context.printer.status(&format!("creating the draft of {}", record.release.tag));
        self.gh.run(&borrowed(&self.create()?))?;
        self.present()
    }

    /// Checks that an existing draft is of the same commit and contains no other files.
    fn check_draft(&self, release: &UploadedRelease) -> Result<()> {
        let record = &self.record;
        let hint =
            format!("if it is not needed: gh release delete {} --yes; then run the command again", record.release.tag);
        if release.target_commitish != record.release.commit {
            return Err(Failure::input(format!("there is a draft of {} for another commit", record.release.tag))
                .found(&release.target_commitish)
                .expected(&record.release.commit)
                .hint(hint));
        }
        match self.unknown(release) {
            None => Ok(()),
            Some(name) => Err(Failure::input(format!(
                "the draft of {} has a file that is not of this release",
                record.release.tag
            ))
            .found(name)
            .hint(hint)),
        }
    }

    /// Returns the name of an uploaded file that is not part of the release, if any.
    fn unknown<'release>(&self, release: &'release UploadedRelease) -> Option<&'release str> {
        let known = |name: &str| self.record.assets.iter().any(|asset| asset.name == name);
        release.assets.iter().map(|asset| asset.name.as_str()).find(|name| !known(name))
    }

    /// Updates the title, the notes and the pre-release flag of the draft if they differ.
    fn edit_notes(&self, release: &UploadedRelease) -> Result<()> {
        let notes = files::read_bounded(&self.directory.join(NOTES), FILE_LIMIT)?;
        let notes = String::from_utf8_lossy(&notes).into_owned();
        // GitHub returns notes edited on its pages with CRLF line ends.
        let same =
            release.body.replace("\r\n", "\n").trim() == notes.trim() && release.name == self.record.release.title;
        if same && release.is_prerelease == self.options.prerelease {
            return Ok(());
        }
        let (path, prerelease) = (self.path(NOTES)?, format!("--prerelease={}", self.options.prerelease));
        let words = [
            "release",
            "edit",
            &self.record.release.tag,
            "--title",
            &self.record.release.title,
            "--notes-file",
            &path,
            &prerelease,
        ];
        self.gh.run(&words).map(|_| ())
    }

    /// Compares an uploaded file with the prepared one.
    fn upload_state(&self, release: &UploadedRelease, asset: &Asset) -> Result<UploadState> {
        let Some(uploaded) = release.assets.iter().find(|uploaded| uploaded.name == asset.name) else {
            return Ok(UploadState::Missing);
        };
        Ok(if self.is_same(uploaded, asset)? { UploadState::Same } else { UploadState::Different })
    }

    /// Returns whether an upload is complete and has the same content.
    fn is_same(&self, uploaded: &UploadedAsset, asset: &Asset) -> Result<bool> {
        if uploaded.size != asset.size || !(uploaded.state.is_empty() || uploaded.state == "uploaded") {
            return Ok(false);
        }
        match &uploaded.digest {
            Some(digest) => Ok(*digest == format!("sha256:{}", asset.sha256)),
            None => Ok(self.downloaded_digest(&asset.name)? == asset.sha256),
        }
    }

    /// Downloads an asset and returns its sha256, for servers that do not report a digest.
    fn downloaded_digest(&self, name: &str) -> Result<String> {
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
        let into = utf8(directory.path())?;
        self.gh.run(&["release", "download", &self.record.release.tag, "--pattern", name, "--dir", into])?;
        Ok(directory::sha256(&files::read_bounded(&Path::new(into).join(name), FILE_LIMIT)?))
    }

    /// Checks that the uploaded files are exactly those of the prepared release.
    fn check_assets(&self, release: &UploadedRelease) -> Result<()> {
        let mut wrong = Vec::new();
        for asset in &self.record.assets {
            match self.upload_state(release, asset)? {
                UploadState::Same => {}
                UploadState::Different => wrong.push(format!("{} is another file", asset.name)),
                UploadState::Missing => wrong.push(format!("{} is missing", asset.name)),
            }
        }
        wrong.extend(self.unknown(release).map(|name| format!("{name} is not of this release")));
        if wrong.is_empty() {
            return Ok(());
        }
        let (state, hint) = match release.is_draft {
            true => ("draft", "run the command again"),
            false => ("published release", "a published release is not changed: raise spec_version and make another"),
        };
        Err(Failure::check(format!("the {state} {} is not what was prepared", self.record.release.tag))
            .found(wrong.join("\n"))
            .expected(format!("the files of {}", self.directory.display()))
            .hint(hint))
    }
}

fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
