//! Medians, ratios and the lines that show them.

use std::io::Write as _;

/// Prints a line.
pub(crate) fn line(text: &str) {
    // A closed pipe is the reader's choice.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Returns the median of the figures; 0 when there are none.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Prints a row: the figure's minimum, median and maximum, and the median of the pairwise ratios to a rival's.
pub(crate) fn row(what: &str, unit: &str, ours: &[f64], rival: Option<(&str, &[f64])>) {
    let spread = |figures: &[f64]| {
        let (low, high) =
            figures.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
        format!("{:9.2} {unit:<4} ({low:.2} to {high:.2})", median(figures))
    };
    let mut text = format!("{what:<34} {}", spread(ours));
    if let Some((name, figures)) = rival {
        let ratios: Vec<f64> = ours.iter().zip(figures).map(|(a, b)| a / b).collect();
        text.push_str(&format!("   {name}: {}   ratio {:.2}", spread(figures), median(&ratios)));
    }
    line(&text);
}
