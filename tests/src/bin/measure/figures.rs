//! The printed figures: lines `bench NAME VALUE UNIT`, and summaries of several values.

/// The median, the least and the most of a figure.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Summary {
    /// Summarises values.
    ///
    /// # Panics
    /// If there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Summary {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1).expect("at least one value");
        Summary {
            median: (values[last / 2] + values[values.len() / 2]) / 2.0,
            least: values[0],
            most: values[last],
        }
    }
}

/// Prints the summary of a figure, and returns it.
pub fn print(name: &str, unit: &str, values: impl IntoIterator<Item = f64>) -> Summary {
    let summary = Summary::of(values);
    print_one(&format!("{name}.median"), unit, summary.median);
    print_one(&format!("{name}.min"), unit, summary.least);
    print_one(&format!("{name}.max"), unit, summary.most);
    summary
}

/// Prints a figure that has one value.
pub fn print_one(name: &str, unit: &str, value: f64) {
    println!("bench migration.{name} {value:.3} {unit}");
}

/// Milliseconds.
pub fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_values_is_between_the_middle_ones() {
        let summary = Summary::of([9.0, 1.0, 4.0, 2.0]);
        let found = (summary.least, summary.median, summary.most);
        assert_eq!(found, (1.0, 3.0, 9.0));
        assert_eq!(Summary::of([7.0, 5.0, 6.0]).median, 6.0);
    }
}
