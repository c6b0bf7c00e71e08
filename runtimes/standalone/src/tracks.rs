// SPDX-License-Identifier: Apache-2.0
//! The tracks that referenda are decided on: for whom, how long, and with how many votes.

use alloc::borrow::Cow;

use frame_support::traits::OriginTrait;
use frame_system::RawOrigin;
use pallet_referenda::{Curve, Track, TrackInfo, TracksInfo};
use sp_runtime::{Perbill, str_array};

use crate::{Balance, BlockNumber, DAYS, HOURS, MINUTES, OriginCaller, RuntimeOrigin, UNIT, origins::Origin};

pub const ROOT: u16 = 0;
pub const WHITELISTED_CALLER: u16 = 1;

const fn falling(ceil: u32, floor: u32) -> Curve {
    Curve::LinearDecreasing {
        length: Perbill::from_percent(100),
        floor: Perbill::from_percent(floor),
        ceil: Perbill::from_percent(ceil),
    }
}

static TRACKS: [Track<u16, Balance, BlockNumber>; 2] = [
    Track {
        id: ROOT,
        info: TrackInfo {
            name: str_array("root"),
            max_deciding: 1,
            decision_deposit: 1_000 * UNIT,
            prepare_period: 2 * HOURS,
            decision_period: 14 * DAYS,
            confirm_period: DAYS,
            min_enactment_period: DAYS,
            min_approval: falling(100, 50),
            min_support: falling(50, 0),
        },
    },
    // What is whitelisted has been looked at by those who may whitelist: it may be quick, and need few votes.
    Track {
        id: WHITELISTED_CALLER,
        info: TrackInfo {
            name: str_array("whitelisted_caller"),
            max_deciding: 100,
            decision_deposit: 100 * UNIT,
            prepare_period: 10 * MINUTES,
            decision_period: 14 * DAYS,
            confirm_period: 10 * MINUTES,
            min_enactment_period: 10 * MINUTES,
            min_approval: falling(100, 50),
            min_support: falling(10, 0),
        },
    },
];

/// The tracks of this chain.
pub struct Tracks;

impl TracksInfo<Balance, BlockNumber> for Tracks {
    type Id = u16;
    type RuntimeOrigin = <RuntimeOrigin as OriginTrait>::PalletsOrigin;

    fn tracks() -> impl Iterator<Item = Cow<'static, Track<Self::Id, Balance, BlockNumber>>> {
        TRACKS.iter().map(Cow::Borrowed)
    }

    fn track_for(origin: &Self::RuntimeOrigin) -> Result<Self::Id, ()> {
        match origin {
            OriginCaller::system(RawOrigin::Root) => Ok(ROOT),
            OriginCaller::Origins(Origin::WhitelistedCaller) => Ok(WHITELISTED_CALLER),
            _ => Err(()),
        }
    }
}
