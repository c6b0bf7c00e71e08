// SPDX-License-Identifier: Apache-2.0
//! `cutover-peer-omni-bencher --runtime BLOB --pallet NAME …`: the arguments of `frame-omni-bencher v1 benchmark pallet`.

use clap::Parser;
use cumulus_primitives_proof_size_hostfunction::storage_proof_size::HostFunctions;
use frame_benchmarking_cli::PalletCmd;
use sp_runtime::traits::BlakeTwo256;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    pallet: PalletCmd,
}

fn main() -> sc_cli::Result<()> {
    Arguments::parse().pallet.run_with_spec::<BlakeTwo256, HostFunctions>(None)
}
