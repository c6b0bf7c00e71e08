// SPDX-License-Identifier: Apache-2.0
//! A client of the ssh agent: lists its keys, and signs with one of them.
//!
//! Any program can be the agent, so the size of its responses is limited. It may wait until the
//! user touches a hardware key or types a passphrase, so the timeout is two minutes.

use crate::{
    NAMESPACE, envelope,
    keys::{PublicKey, encode_ssh_signature, ssh_signed_data, ssh_supported},
};
use protocol::manifest::Signature;
use ssh_key::{HashAlg, public::KeyData};
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};
use worker::{Failure, Result};

const RESPONSE_LIMIT: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(120);

const LIST: u8 = 11;
const KEYS: u8 = 12;
const SIGN: u8 = 13;
const SIGNED: u8 = 14;
/// The flag that requests SHA-512 from RSA keys, which could also sign with SHA-1.
const RSA_SHA2_512: u32 = 4;

/// A key that the agent has.
#[derive(Debug)]
pub struct AgentKey {
    wire: Vec<u8>,
    pub key: ssh_key::PublicKey,
    pub comment: String,
}

impl AgentKey {
    fn describe(&self) -> String {
        format!("{} {}", self.key.fingerprint(HashAlg::Sha256), self.comment)
    }

    /// Returns whether `wanted` is this key's fingerprint, comment or public key line.
    fn is(&self, wanted: &str) -> bool {
        let same_line =
            || ssh_key::PublicKey::from_openssh(wanted).is_ok_and(|key| key.key_data() == self.key.key_data());
        let fingerprint = self.key.fingerprint(HashAlg::Sha256).to_string();
        wanted == self.comment || wanted.trim_start_matches("ssh:") == fingerprint || same_line()
    }
}

/// A connection to an ssh agent.
pub struct Agent(UnixStream);

impl Agent {
    /// Connects to the agent at a socket, or at `SSH_AUTH_SOCK`.
    pub fn connect(socket: Option<&Path>) -> Result<Self> {
        let from_environment = std::env::var_os("SSH_AUTH_SOCK");
        let socket = match (socket, &from_environment) {
            (Some(socket), _) => socket,
            (None, Some(socket)) if !socket.is_empty() => Path::new(socket),
            _ => {
                return Err(Failure::environment("no ssh agent is running")
                    .found("SSH_AUTH_SOCK is not set")
                    .hint("eval \"$(ssh-agent)\" && ssh-add"));
            }
        };
        let stream = UnixStream::connect(socket).map_err(|error| {
            Failure::environment(format!("the ssh agent at {} does not answer", socket.display()))
                .found(error.to_string())
                .hint("eval \"$(ssh-agent)\" && ssh-add")
        })?;
        let timeouts = stream.set_read_timeout(Some(TIMEOUT)).and_then(|()| stream.set_write_timeout(Some(TIMEOUT)));
        timeouts.map_err(|error| protocol_error(error.to_string()))?;
        Ok(Self(stream))
    }

    /// Returns the keys of supported kinds. Certificates and other kinds are left out.
    pub fn keys(&mut self) -> Result<Vec<AgentKey>> {
        let answer = self.request(&[LIST])?;
        let mut fields = match answer.split_first() {
            Some((&KEYS, fields)) => fields,
            _ => return Err(protocol_error("no list of keys")),
        };
        let count = take_u32(&mut fields)?;
        let mut keys = Vec::new();
        for _ in 0..count {
            let wire = take_string(&mut fields)?;
            let comment = String::from_utf8_lossy(take_string(&mut fields)?).replace(char::is_control, "?");
            if let Ok(key) = ssh_key::PublicKey::from_bytes(wire)
                && ssh_supported(key.key_data()).is_ok()
            {
                keys.push(AgentKey { wire: wire.to_vec(), key, comment });
            }
        }
        Ok(keys)
    }

    /// Returns the key that `wanted` names. Without `wanted`, returns the only key, or the only one
    /// that is `known` as a signer's.
    pub fn choose(&mut self, wanted: Option<&str>, known: impl Fn(&ssh_key::PublicKey) -> bool) -> Result<AgentKey> {
        let mut keys = self.keys()?;
        let all = keys.iter().map(AgentKey::describe).collect::<Vec<_>>().join(", ");
        if let Some(wanted) = wanted.map(str::trim) {
            keys.retain(|key| key.is(wanted));
        } else if keys.iter().any(|key| known(&key.key)) {
            keys.retain(|key| known(&key.key));
        }
        // An agent may list one key with several comments.
        keys.dedup_by(|left, right| left.wire == right.wire);
        let mut keys = keys.into_iter();
        match (keys.next(), keys.next(), wanted) {
            (Some(key), None, _) => Ok(key),
            (None, _, Some(wanted)) => Err(Failure::input(format!("the ssh agent has no key {wanted:?}"))
                .found(if all.is_empty() { "no usable key".into() } else { all })
                .hint("ssh-add the key, or name one of those by fingerprint or name")),
            (None, _, None) => {
                Err(Failure::environment("the ssh agent has no key to sign with").hint("ssh-add ~/.ssh/id_ed25519"))
            }
            (Some(_), Some(_), _) => Err(Failure::usage("the ssh agent has several keys that fit")
                .found(all)
                .expected("the fingerprint, name or public key line of one of them")),
        }
    }

    /// Signs a message with a key of the agent.
    pub fn sign(&mut self, key: &AgentKey, message: &[u8]) -> Result<Signature> {
        let mut request = vec![SIGN];
        for field in [&key.wire, &ssh_signed_data(message)?] {
            request.extend_from_slice(&(field.len() as u32).to_be_bytes());
            request.extend_from_slice(field);
        }
        let flags = if matches!(key.key.key_data(), KeyData::Rsa(_)) { RSA_SHA2_512 } else { 0 };
        request.extend_from_slice(&flags.to_be_bytes());
        let answer = self.request(&request)?;
        match answer.split_first() {
            Some((&SIGNED, mut fields)) => {
                let signature = take_string(&mut fields)?;
                let public = PublicKey::Ssh(key.key.clone());
                Ok(envelope::signature(public.key_id(), &encode_ssh_signature(&key.wire, signature)))
            }
            _ => Err(Failure::environment(format!("the ssh agent refused to sign with {}", key.describe()))
                .found("a refusal of the request to sign")
                .expected(format!("a signature for the namespace {NAMESPACE}"))
                .hint("it may have been denied, locked (ssh-add -X), or its hardware key not touched in time")),
        }
    }

    fn request(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let failed = |error: std::io::Error| protocol_error(error.to_string());
        self.0.write_all(&[&(request.len() as u32).to_be_bytes(), request].concat()).map_err(failed)?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length).map_err(failed)?;
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 || length > RESPONSE_LIMIT {
            return Err(protocol_error(format!("a response of {length} bytes")));
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).map_err(failed)?;
        Ok(answer)
    }
}

fn protocol_error(found: impl Into<String>) -> Failure {
    Failure::environment("the ssh agent sent an invalid response").found(found).hint("ssh-add -l")
}

fn take_u32(fields: &mut &[u8]) -> Result<u32> {
    let (number, rest) = fields.split_first_chunk().ok_or_else(|| protocol_error("a truncated response"))?;
    *fields = rest;
    Ok(u32::from_be_bytes(*number))
}

fn take_string<'a>(fields: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = take_u32(fields)? as usize;
    let (string, rest) = fields.split_at_checked(length).ok_or_else(|| protocol_error("a truncated response"))?;
    *fields = rest;
    Ok(string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// Starts an agent that sends `answer` to its first request.
    fn answering(answer: Vec<u8>) -> (tempfile::TempDir, Agent) {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("agent");
        let listener = UnixListener::bind(&socket).expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepted");
            let mut request = [0; 5];
            stream.read_exact(&mut request).expect("a request");
            stream.write_all(&answer).expect("answered");
        });
        let agent = Agent::connect(Some(&socket)).expect("connected");
        (directory, agent)
    }

    #[test]
    fn hostile_answers_are_errors() {
        let huge = u32::MAX.to_be_bytes();
        for answer in [
            vec![],
            vec![0, 0, 0, 0],
            huge.to_vec(),
            vec![0, 0, 0, 1, 5],
            vec![0, 0, 0, 5, KEYS, 0xff, 0xff, 0xff, 0xff],
            [&[0, 0, 0, 9, KEYS, 0, 0, 0, 1][..], &huge].concat(),
            vec![0, 0, 0, 9, KEYS, 0],
        ] {
            let (_directory, mut agent) = answering(answer.clone());
            let failure = agent.keys().expect_err("refused");
            assert_eq!(failure.kind, worker::Kind::Environment, "{answer:?}");
        }
    }

    #[test]
    fn an_agent_without_keys_differs_from_one_without_the_key() {
        let empty = || vec![0, 0, 0, 5, KEYS, 0, 0, 0, 0];
        let (_directory, mut agent) = answering(empty());
        assert_eq!(agent.choose(None, |_| false).expect_err("no key").kind, worker::Kind::Environment);
        let (_directory, mut agent) = answering(empty());
        assert!(agent.choose(Some("me@host"), |_| false).expect_err("not it").message.contains("me@host"));
    }

    #[test]
    fn a_missing_agent_is_named() {
        let failure = Agent::connect(Some(Path::new("/no/such/agent"))).err().expect("missing");
        assert!(failure.message.contains("/no/such/agent"));
    }
}
