// SPDX-License-Identifier: Apache-2.0
//! The origins of pages that may use a fork.

use worker::{Failure, Result};

/// The origins that the user named, besides those of this machine.
pub struct Origins(Vec<String>);

impl Origins {
    /// Checks the named origins: scheme, host and an optional port.
    pub fn new(named: &[String]) -> Result<Self> {
        let named = named.iter().map(|text| {
            let origin = text.trim_end_matches('/');
            match origin.split_once("://") {
                Some((scheme, host))
                    if !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '?', '#', '*']) =>
                {
                    Ok(origin.to_owned())
                }
                _ => Err(Failure::usage("invalid origin of a page")
                    .found(text.clone())
                    .expected("a scheme, a host and an optional port, for example https://polkadot.js.org")),
            }
        });
        Ok(Self(named.collect::<Result<_>>()?))
    }

    /// Returns whether pages of an origin may use the fork.
    ///
    /// Pages of this machine are allowed, because their programs could send requests without a
    /// browser as well. `null` is not, because any page can have it as its origin.
    pub fn allow(&self, origin: &str) -> bool {
        let local = origin.split_once("://").is_some_and(|(scheme, host)| {
            ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) && is_loopback(host)
        });
        local || self.0.iter().any(|named| named.eq_ignore_ascii_case(origin))
    }
}

/// Returns whether a host, with or without a port, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| name.eq_ignore_ascii_case(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_origins_are_refused() {
        for good in ["https://polkadot.js.org", "http://my.host:3000/"] {
            assert!(
                Origins::new(&[good.into()]).is_ok_and(|origins| origins.allow(good.trim_end_matches('/'))),
                "{good}"
            );
        }
        for bad in ["polkadot.js.org", "https://polkadot.js.org/apps", "https://*", "*", "null", "https://", ""] {
            let failure = Origins::new(&[bad.into()]).err().expect("refused");
            assert_eq!((failure.kind, failure.found.as_deref()), (worker::Kind::Usage, Some(bad)));
        }
    }
}
