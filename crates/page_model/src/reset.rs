//! The offset reset of one group, as a state machine: choose a target, plan, apply the plan exactly as shown, undo. Decides
//! which step is allowed next; the component sends the requests.
//!
//! ```text
//! Choosing ─ask─► Planning ─► Planned ─apply─► Applying ─► Done ─undo─► Undoing ─► Undone
//!     ▲               │          │                 │                        │
//!     └── error ◄─────┘          └──── Refused ◄───┴── Unknown (link lost) ◄┘
//! ```
//! A new plan can be requested in every step that does not wait for a reply.

use protocol::{ErrorBody, ErrorCode, OffsetChange, OffsetResetPlan, PlanOffsetReset, Position, ResetOffsets};

use super::group_snapshot::GroupSnapshot;
use super::reset_choice::to_positions;
use super::sort::stable_sort;
use formats::write_offsets;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetStep {
    #[default]
    Choosing,
    Planning,
    /// The plan is shown; nothing has changed.
    Planned,
    Applying,
    /// The bridge did not apply the plan that is shown; the error has the reason.
    Refused,
    Done,
    Undoing,
    Undone,
    /// The connection was lost before the reply; the committed offsets show whether the plan was applied.
    Unknown,
}

impl ResetStep {
    pub fn name(self) -> &'static str {
        match self {
            Self::Choosing => "choosing",
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Applying => "applying",
            Self::Refused => "refused",
            Self::Done => "done",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Unknown => "unknown",
        }
    }

    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Planning | Self::Applying | Self::Undoing)
    }
}

/// The totals of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanTotals {
    /// Partitions whose position changes.
    pub moved: usize,
    pub stays: usize,
    /// Records that the group would consume again (`reread`) and those that it would never consume (`skipped`).
    pub reread: u64,
    pub skipped: u64,
    /// Partitions whose target offset was limited to the partition's first or end offset.
    pub clamped: usize,
}

/// Why the plan that is shown cannot be applied now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetBlocked {
    /// The plan changes no offset.
    NothingMoves,
    /// The group has this many members.
    Members(usize),
    /// This many committed offsets have changed since the plan.
    Moved(usize),
    /// The bridge's error from when it made the plan.
    Refused(ErrorBody),
}

#[derive(Clone, Debug, Default)]
pub struct Reset {
    step: ResetStep,
    /// The request of the plan, to make the same plan again.
    request: Option<PlanOffsetReset>,
    plan: OffsetResetPlan,
    /// The indices of the plan's changes in the order in which they are shown.
    shown: Vec<usize>,
    refused: Option<ErrorBody>,
    error: Option<ErrorBody>,
    /// Plans that undo the applied resets, the newest last. Each becomes valid once those after it are undone.
    undos: Vec<OffsetResetPlan>,
}

impl Reset {
    pub fn step(&self) -> ResetStep {
        self.step
    }

    /// Number of changes that are shown.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// A change by its row; changes that move an offset come first.
    pub fn change(&self, at: usize) -> Option<&OffsetChange> {
        self.shown.get(at).and_then(|&index| self.plan.changes.get(index))
    }

    /// The error of the last request.
    pub fn error(&self) -> Option<&ErrorBody> {
        self.error.as_ref()
    }

    pub fn totals(&self) -> PlanTotals {
        let mut totals = PlanTotals::default();
        for change in &self.plan.changes {
            let stays = change.from == Some(change.to);
            totals.moved += usize::from(!stays);
            totals.stays += usize::from(stays);
            totals.reread += change.reread;
            totals.skipped += change.skipped;
            totals.clamped += usize::from(change.clamped);
        }
        totals
    }

    /// Starts planning and returns the request. `None` while a reply is pending.
    pub fn ask(&mut self, request: PlanOffsetReset) -> Option<PlanOffsetReset> {
        if self.step.is_waiting() {
            return None;
        }
        self.step = ResetStep::Planning;
        self.error = None;
        self.request = Some(request.clone());
        Some(request)
    }

    /// Plans again with the same request.
    pub fn ask_again(&mut self) -> Option<PlanOffsetReset> {
        self.request.clone().and_then(|request| self.ask(request))
    }

    pub fn planned(&mut self, plan: OffsetResetPlan, refused: Option<ErrorBody>) {
        self.step = ResetStep::Planned;
        self.shown = (0..plan.changes.len()).collect();
        let stays = |index: usize| plan.changes.get(index).is_none_or(|change| change.from == Some(change.to));
        stable_sort(&mut self.shown, |&a, &b| stays(a).cmp(&stays(b)));
        self.plan = plan;
        self.refused = refused;
    }

    /// The plan could not be made.
    pub fn not_planned(&mut self, error: ErrorBody) {
        self.back_to_choosing();
        self.error = Some(error);
    }

    pub fn back_to_choosing(&mut self) {
        self.step = ResetStep::Choosing;
        self.plan = OffsetResetPlan::default();
        self.shown.clear();
        self.refused = None;
        self.error = None;
    }

    /// Why the shown plan cannot be applied, as far as the page knows. The bridge checks again.
    pub fn blocked(&self, group: &GroupSnapshot) -> Option<ResetBlocked> {
        if self.step != ResetStep::Planned {
            return None;
        }
        if !group.members().is_empty() {
            return Some(ResetBlocked::Members(group.members().len()));
        }
        // The members may have left since the plan was made.
        let is_about_members = |error: &&ErrorBody| error.code == ErrorCode::GroupActive.number();
        if let Some(error) = self.refused.as_ref().filter(|error| !is_about_members(error)) {
            return Some(ResetBlocked::Refused(error.clone()));
        }
        match self.moved(group) {
            0 if self.totals().moved == 0 => Some(ResetBlocked::NothingMoves),
            0 => None,
            moved => Some(ResetBlocked::Moved(moved)),
        }
    }

    fn moved(&self, group: &GroupSnapshot) -> usize {
        let now = |change: &OffsetChange| group.position(&change.topic, change.partition).and_then(|at| at.offset);
        self.plan.changes.iter().filter(|change| now(change) != change.from).count()
    }

    /// Applies the plan exactly as it is shown.
    pub fn apply(&mut self, group: &GroupSnapshot) -> Option<ResetOffsets> {
        if self.step != ResetStep::Planned || self.blocked(group).is_some() {
            return None;
        }
        self.step = ResetStep::Applying;
        Some(ResetOffsets { plan: self.plan.clone() })
    }

    /// The bridge has applied the plan, or undone it.
    pub fn done(&mut self, undo: OffsetResetPlan) {
        if self.step == ResetStep::Undoing {
            self.undos.pop();
            self.step = ResetStep::Undone;
        } else {
            self.undos.push(undo);
            self.step = ResetStep::Done;
        }
    }

    /// The bridge refused to apply the plan, or to undo it.
    pub fn refused(&mut self, error: ErrorBody) {
        self.step = ResetStep::Refused;
        self.error = Some(error);
    }

    /// The connection was lost: the reply will not arrive.
    pub fn lost(&mut self) {
        match self.step {
            ResetStep::Planning => self.back_to_choosing(),
            ResetStep::Applying | ResetStep::Undoing => self.step = ResetStep::Unknown,
            _ => {}
        }
    }

    /// The request was not sent, since there is no connection.
    pub fn not_sent(&mut self) {
        self.step = match self.step {
            ResetStep::Applying => ResetStep::Planned,
            ResetStep::Undoing => ResetStep::Done,
            step => step,
        };
    }

    /// Number of partitions that an undo would change; `None` if there is no reset to undo.
    pub fn undoable(&self) -> Option<usize> {
        self.undos.last().map(|undo| undo.changes.len() + undo.forget.len())
    }

    pub fn undo(&mut self) -> Option<ResetOffsets> {
        let undo = self.undos.last().filter(|_| !self.step.is_waiting())?;
        let request = ResetOffsets { plan: undo.clone() };
        self.step = ResetStep::Undoing;
        self.error = None;
        Some(request)
    }

    /// Requests a plan that moves the group to the previous offsets from wherever it is now. Used after the bridge refused
    /// the exact undo.
    pub fn plan_old_positions(&mut self) -> Option<PlanOffsetReset> {
        let undo = self.undos.last()?;
        let old = |change: &OffsetChange| Position {
            topic: change.topic.clone(),
            partition: change.partition,
            offset: change.to,
        };
        let request = to_positions(&undo.group, undo.changes.iter().map(old).collect());
        self.ask(request)
    }

    /// The previous offsets as a file, without partitions that had none.
    pub fn old_positions(&self) -> Option<String> {
        let undo = self.undos.last()?;
        Some(write_offsets(undo.changes.iter().map(|change| (change.topic.as_str(), change.partition, change.to))))
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Offset, ResetTarget};

    use super::*;
    use crate::group_snapshot::tests::{at, changed, member};

    fn change(partition: i32, from: Option<i64>, to: i64) -> OffsetChange {
        let from_or_zero = from.unwrap_or(to);
        OffsetChange {
            topic: "t".to_owned(),
            partition,
            from: from.map(Offset),
            to: Offset(to),
            low: Some(Offset(0)),
            high: Some(Offset(10)),
            reread: u64::try_from(from_or_zero - to).unwrap_or(0),
            skipped: u64::try_from(to - from_or_zero).unwrap_or(0),
            clamped: to == 10,
        }
    }

    fn plan(changes: Vec<OffsetChange>) -> OffsetResetPlan {
        OffsetResetPlan { group: "g".to_owned(), changes, forget: Vec::new() }
    }

    fn request() -> PlanOffsetReset {
        let (group, to) = ("g".to_owned(), ResetTarget::Earliest);
        PlanOffsetReset { group, topics: Vec::new(), partitions: Vec::new(), to }
    }

    /// A group without members whose committed offset in partition 0 is 4 of 10.
    fn idle() -> GroupSnapshot {
        let mut group = GroupSnapshot::default();
        group.apply(changed(1, Some(Vec::new()), vec![at("t", 0, 4, 10)]));
        group
    }

    fn planned() -> Reset {
        let mut reset = Reset::default();
        assert!(reset.ask(request()).is_some() && reset.ask(request()).is_none(), "one request at a time");
        reset.planned(plan(vec![change(0, Some(4), 0)]), None);
        reset
    }

    fn error(code: ErrorCode) -> ErrorBody {
        ErrorBody::new(code, "…")
    }

    #[test]
    fn totals_add_up_the_changes_of_a_plan() {
        let mut reset = Reset::default();
        reset.planned(
            plan(vec![change(0, Some(4), 0), change(1, Some(4), 10), change(2, Some(3), 3), change(3, None, 0)]),
            None,
        );
        let partitions: Vec<i32> = (0..reset.shown()).filter_map(|at| Some(reset.change(at)?.partition)).collect();
        assert_eq!(partitions, [0, 1, 3, 2], "unchanged offsets come last");
        assert_eq!(reset.totals(), PlanTotals { moved: 3, stays: 1, reread: 4, skipped: 6, clamped: 1 });
    }

    #[test]
    fn plan_is_applied_as_shown_and_undone() {
        let mut reset = planned();
        let applied = reset.apply(&idle()).expect("not blocked");
        assert_eq!(applied.plan, reset.plan);
        let undo = plan(vec![change(0, Some(0), 4)]);
        reset.done(undo.clone());
        assert_eq!((reset.step(), reset.undoable()), (ResetStep::Done, Some(1)));
        assert_eq!(reset.old_positions().as_deref(), Some("t,0,4\n"));
        assert_eq!(reset.undo().map(|request| request.plan), Some(undo));
        reset.done(OffsetResetPlan::default());
        assert_eq!((reset.step(), reset.undoable()), (ResetStep::Undone, None));
    }

    #[test]
    fn members_changed_offsets_and_empty_plans_block_a_reset() {
        let mut reset = planned();
        let mut group = idle();
        group.apply(changed(2, Some(vec![member("m", Vec::new())]), Vec::new()));
        assert_eq!(reset.blocked(&group), Some(ResetBlocked::Members(1)));
        let mut group = idle();
        group.apply(changed(2, None, vec![at("t", 0, 6, 10)]));
        assert_eq!(reset.blocked(&group), Some(ResetBlocked::Moved(1)));
        assert_eq!(reset.apply(&group), None);
        assert!(reset.ask_again().is_some(), "a new plan can be requested");
        reset.planned(plan(vec![change(0, Some(6), 6)]), None);
        assert_eq!(reset.blocked(&group), Some(ResetBlocked::NothingMoves));
    }

    #[test]
    fn plan_is_not_blocked_by_members_that_have_left() {
        let mut reset = Reset::default();
        reset.planned(plan(vec![change(0, Some(4), 0)]), Some(error(ErrorCode::GroupActive)));
        assert_eq!(reset.blocked(&idle()), None);
        reset.planned(plan(vec![change(0, Some(4), 0)]), Some(error(ErrorCode::NotOnThisCluster)));
        assert!(matches!(reset.blocked(&idle()), Some(ResetBlocked::Refused(_))));
    }

    #[test]
    fn refused_undo_keeps_the_previous_offsets() {
        let mut reset = planned();
        reset.apply(&idle());
        reset.done(plan(vec![change(0, Some(0), 4)]));
        reset.undo();
        reset.refused(error(ErrorCode::PositionsMoved));
        assert_eq!((reset.step(), reset.undoable()), (ResetStep::Refused, Some(1)));
        let again = reset.plan_old_positions().expect("the old positions are known");
        let old = Position { topic: "t".to_owned(), partition: 0, offset: Offset(4) };
        assert_eq!(again.to, ResetTarget::Positions(vec![old]));
    }

    #[test]
    fn connection_lost_while_applying_leaves_the_outcome_unknown() {
        let mut reset = planned();
        reset.lost();
        assert_eq!(reset.step(), ResetStep::Planned, "no request was pending");
        reset.apply(&idle());
        reset.lost();
        assert_eq!(reset.step(), ResetStep::Unknown);
        let mut reset = Reset::default();
        reset.ask(request());
        reset.lost();
        assert_eq!(reset.step(), ResetStep::Choosing);
        let mut reset = planned();
        reset.apply(&idle());
        reset.not_sent();
        assert_eq!(reset.step(), ResetStep::Planned, "the request was not sent");
    }

    #[test]
    fn failed_plan_has_an_error() {
        let mut reset = Reset::default();
        reset.ask(request());
        reset.not_planned(error(ErrorCode::TopicMissing));
        assert_eq!((reset.step(), reset.error().map(|error| error.code)), (ResetStep::Choosing, Some(501)));
        reset.back_to_choosing();
        assert_eq!(reset.error(), None);
    }
}
