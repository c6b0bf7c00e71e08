// SPDX-License-Identifier: Apache-2.0
//! Ordinary least squares for a few variables: the normal equations of centred data, solved with
//! pivoting.

/// The maximum number of variables. No benchmark has more components.
pub const VARIABLE_LIMIT: usize = 16;

/// A fitted line `y ≈ intercept + Σ slope · x`. Intercept and slopes are pairs of the value and its
/// standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The intercept and its standard error.
    pub intercept: (f64, f64),
    /// The slope of each variable and its standard error.
    pub slopes: Vec<(f64, f64)>,
    /// The number of observations minus the number of fitted parameters.
    pub degrees_of_freedom: usize,
    /// The variance of the residuals.
    pub variance: f64,
    count: usize,
    with_intercept: bool,
    /// The indices of the variables that vary.
    used: Vec<usize>,
    means: Vec<f64>,
    /// The inverse of the normal matrix of the variables that vary.
    inverse: Vec<Vec<f64>>,
}

/// Fits a line. The slope of a variable with a single value is zero. `None` if there are no
/// observations, if the rows differ in length, or if variables depend on each other linearly.
pub fn fit(rows: &[Vec<f64>], ys: &[f64], with_intercept: bool) -> Option<Line> {
    let variables = rows.first()?.len();
    let count = rows.len();
    if variables > VARIABLE_LIMIT || ys.len() != count || rows.iter().any(|row| row.len() != variables) {
        return None;
    }
    let mean =
        |values: &mut dyn Iterator<Item = f64>| if with_intercept { values.sum::<f64>() / count as f64 } else { 0.0 };
    let means: Vec<f64> = (0..variables).map(|at| mean(&mut rows.iter().map(|row| row[at]))).collect();
    let mean_y = mean(&mut ys.iter().copied());
    let varies =
        |at: &usize| rows.iter().any(|row| row[*at] != rows[0][*at]) || (!with_intercept && rows[0][*at] != 0.0);
    let used: Vec<usize> = (0..variables).filter(varies).collect();
    let centred = |row: &[f64]| used.iter().map(|at| row[*at] - means[*at]).collect::<Vec<f64>>();

    let mut matrix = vec![vec![0.0; used.len()]; used.len()];
    let mut right = vec![0.0; used.len()];
    for (row, y) in rows.iter().zip(ys) {
        let row = centred(row);
        for (i, left) in row.iter().enumerate() {
            right[i] += left * (y - mean_y);
            for (j, other) in row.iter().enumerate() {
                matrix[i][j] += left * other;
            }
        }
    }
    let inverse = inverse_of(matrix)?;
    let slopes: Vec<f64> = inverse.iter().map(|row| row.iter().zip(&right).map(|(a, b)| a * b).sum()).collect();
    let intercept = mean_y - used.iter().zip(&slopes).map(|(at, slope)| means[*at] * slope).sum::<f64>();

    let residuals: f64 = rows
        .iter()
        .zip(ys)
        .map(|(row, y)| {
            let fitted = intercept + used.iter().zip(&slopes).map(|(at, slope)| row[*at] * slope).sum::<f64>();
            (y - fitted).powi(2)
        })
        .sum();
    let degrees_of_freedom = count.saturating_sub(used.len() + usize::from(with_intercept));
    let variance = if degrees_of_freedom == 0 { 0.0 } else { residuals / degrees_of_freedom as f64 };
    let mut all = vec![(0.0, 0.0); variables];
    for (place, at) in used.iter().enumerate() {
        all[*at] = (slopes[place], (variance * inverse[place][place]).max(0.0).sqrt());
    }
    let mut line = Line {
        intercept: (intercept, 0.0),
        slopes: all,
        degrees_of_freedom,
        variance,
        count,
        with_intercept,
        used,
        means,
        inverse,
    };
    line.intercept.1 = line.error_at(&vec![0.0; variables]);
    Some(line)
}

impl Line {
    /// Returns the standard error of the fitted value at a point.
    pub fn error_at(&self, point: &[f64]) -> f64 {
        let away: Vec<f64> =
            self.used.iter().map(|at| point.get(*at).copied().unwrap_or_default() - self.means[*at]).collect();
        let products = self.inverse.iter().map(|row| row.iter().zip(&away).map(|(a, b)| a * b).sum::<f64>());
        let spread: f64 = products.zip(&away).map(|(product, away)| product * away).sum();
        let of_mean = if self.with_intercept { 1.0 / self.count as f64 } else { 0.0 };
        (self.variance * (of_mean + spread)).max(0.0).sqrt()
    }

    /// Returns the fitted value at a point.
    pub fn value_at(&self, point: &[f64]) -> f64 {
        self.slopes.iter().zip(point).map(|((slope, _), value)| slope * value).sum::<f64>() + self.intercept.0
    }
}

/// Inverts a matrix by Gauss-Jordan elimination with partial pivoting. `None` if the matrix is
/// singular.
fn inverse_of(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = matrix.len();
    let scales: Vec<f64> = (0..size).map(|at| matrix[at][at].abs()).collect();
    let mut inverse: Vec<Vec<f64>> =
        (0..size).map(|row| (0..size).map(|column| f64::from(u8::from(row == column))).collect()).collect();
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        // A column that depends on others leaves only rounding errors.
        if matrix[pivot][column].abs() <= 1e-12 * scales[column] || !matrix[pivot][column].is_finite() {
            return None;
        }
        matrix.swap(pivot, column);
        inverse.swap(pivot, column);
        let divisor = matrix[column][column];
        for at in 0..size {
            matrix[column][at] /= divisor;
            inverse[column][at] /= divisor;
        }
        let (row, of_inverse) = (matrix[column].clone(), inverse[column].clone());
        for other in (0..size).filter(|other| *other != column) {
            let factor = matrix[other][column];
            for at in 0..size {
                matrix[other][at] -= factor * row[at];
                inverse[other][at] -= factor * of_inverse[at];
            }
        }
    }
    Some(inverse)
}

/// Returns the two-sided 95 % quantile of Student's t-distribution: from a table for few degrees of
/// freedom, otherwise by the Cornish-Fisher expansion around the normal distribution.
pub fn student_95(degrees_of_freedom: usize) -> f64 {
    const FEW: [f64; 6] = [f64::INFINITY, 12.706, 4.303, 3.182, 2.776, 2.571];
    if let Some(value) = FEW.get(degrees_of_freedom) {
        return *value;
    }
    let z: f64 = 1.959_963_985;
    let n = degrees_of_freedom as f64;
    z + (z.powi(3) + z) / (4.0 * n)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * n.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values with which `frame-benchmarking` 50.0.0 tests its own regression.
    const KNOWN: [f64; 21] = [
        3797981.0,
        37857779.0,
        70569402.0,
        104004114.0,
        137233924.0,
        169826237.0,
        203521133.0,
        237552333.0,
        271082065.0,
        305554637.0,
        335218347.0,
        371759065.0,
        405086197.0,
        438353555.0,
        472891417.0,
        505339532.0,
        527784778.0,
        562590596.0,
        635291991.0,
        673027090.0,
        708119408.0,
    ];

    fn rows() -> Vec<Vec<f64>> {
        (0..21).map(|x| vec![f64::from(x)]).collect()
    }

    #[test]
    fn known_results_are_reproduced() {
        let line = fit(&rows(), &KNOWN, true).expect("fitted");
        assert_eq!((line.intercept.0 as i64, line.intercept.1 as i64), (-2712997, 4805766));
        assert_eq!((line.slopes[0].0 as i64, line.slopes[0].1 as i64), (34444926, 411084));
        let above: Vec<f64> = KNOWN.iter().map(|y| y - KNOWN[0]).collect();
        let line = fit(&rows(), &above, false).expect("fitted");
        assert_eq!((line.slopes[0].0 as i64, line.slopes[0].1 as i64), (33968513, 217331));
    }

    #[test]
    fn two_variables_are_fitted_and_a_constant_one_has_no_slope() {
        let rows: Vec<Vec<f64>> =
            (0..5).flat_map(|a| (0..4).map(move |b| vec![f64::from(a), f64::from(b), 7.0])).collect();
        let ys: Vec<f64> = rows.iter().map(|row| 5.0 + 2.0 * row[0] + 3.0 * row[1]).collect();
        let line = fit(&rows, &ys, true).expect("fitted");
        let near = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(near(line.intercept.0, 5.0) && near(line.slopes[0].0, 2.0) && near(line.slopes[1].0, 3.0), "{line:?}");
        assert_eq!(line.slopes[2], (0.0, 0.0));
    }

    #[test]
    fn data_that_cannot_be_fitted_is_refused() {
        assert_eq!(fit(&[], &[], true), None);
        assert_eq!(fit(&[vec![1.0], vec![1.0, 2.0]], &[1.0, 2.0], true), None);
        let dependent: Vec<Vec<f64>> = (0..9).map(|x| vec![f64::from(x), f64::from(2 * x)]).collect();
        assert_eq!(fit(&dependent, &[1.0; 9], true), None);
    }

    #[test]
    fn quantiles_of_students_distribution_match_tables() {
        for (degrees, table) in [(3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (100, 1.984)] {
            assert!((student_95(degrees) - table).abs() < 0.002, "{degrees}: {}", student_95(degrees));
        }
    }
}
