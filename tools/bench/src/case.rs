//! One comparison: what is measured, against what, and how good it has to be.

use anyhow::Result;

use crate::measurement::{Measurement, Unit};

/// Takes one measurement per metric of its case.
pub type Measure<'l> = Box<dyn FnMut() -> Result<Vec<Measurement>> + 'l>;

/// A line or several of the table.
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

/// What one number of a case is.
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

/// What ours is compared with.
pub struct Floor<'l> {
    pub name: &'static str,
    /// The ratio of ours to this floor that each metric has to reach, or to stay below where less is better. `None`: for
    /// orientation only.
    pub targets: Vec<Option<f64>>,
    pub measure: Measure<'l>,
}
