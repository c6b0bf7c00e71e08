// SPDX-License-Identifier: Apache-2.0
use super::{call, print, settings::style};
use crate::{
    cli::{self, WeightShape},
    context::Context,
};
use protocol::weights::{RenderRequest, Rendered, Request, Shape};
use worker::Result;

pub fn run(context: &Context, options: &cli::WeightsRender) -> Result<bool> {
    let shape = options.shape.map(|shape| match shape {
        WeightShape::Runtime => Shape::Runtime,
        WeightShape::Pallet => Shape::Pallet,
        WeightShape::Xcm => Shape::Xcm,
    });
    let request = RenderRequest {
        raw: options.raw.clone(),
        out: options.output.clone(),
        shape,
        template: options.template.clone(),
        templates: Default::default(),
        header: style(options.header),
        preamble: options.header_file.clone(),
        anew: options.anew,
    };
    let outcome = call::<Rendered>(context, &Request::Render(Box::new(request)))?;
    print(context, &outcome.value, || report::weights::rendered(&outcome.value))?;
    Ok(outcome.passed)
}

/// The day in UTC, `2026-11-22`.
pub fn today() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The date of a day counted from 1970, by the civil calendar's cycle of 400 years.
fn date(days: u64) -> String {
    // Counted from the first of March of year 0, so that the leap day is a year's last.
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (in_month, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{in_month:02}", cycle * 400 + year + u64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (days, expected) in [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_779, "2026-11-22")]
        {
            assert_eq!(date(days), expected);
        }
    }
}
