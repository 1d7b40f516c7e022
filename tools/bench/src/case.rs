//! One comparison: what is measured, against which floors, with which targets.

use anyhow::Result;

use crate::measurement::{Measurement, Unit};

/// Takes one measurement per metric of its case.
pub type Measure<'l> = Box<dyn FnMut() -> Result<Vec<Measurement>> + 'l>;

/// One or more lines of the table.
pub struct Case<'l> {
    /// `B1`
    pub row: &'static str,
    /// `consume, 100 B`
    pub name: String,
    pub metrics: Vec<Metric>,
    /// The first metric decides which rounds count. Without a floor every round counts, and each metric has a limit.
    pub floors: Vec<Floor<'l>>,
    pub ours: Measure<'l>,
}

/// A metric of a case.
pub struct Metric {
    pub name: &'static str,
    pub unit: Unit,
    /// A bound that does not depend on any floor, in the metric's unit.
    pub limit: Option<f64>,
}

impl Metric {
    pub fn new(name: &'static str, unit: Unit) -> Self {
        Self { name, unit, limit: None }
    }

    pub fn within(name: &'static str, unit: Unit, limit: f64) -> Self {
        Self { name, unit, limit: Some(limit) }
    }
}

/// A baseline of a case.
pub struct Floor<'l> {
    pub name: &'static str,
    /// For each metric, the ratio of our value to this floor: at least, or at most if less is better. `None` if the floor is only
    /// for orientation.
    pub targets: Vec<Option<f64>>,
    pub measure: Measure<'l>,
}
