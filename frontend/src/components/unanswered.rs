//! Why something was not answered or not done, in words.

use super::error_text::error_text;
use super::preferences;
use crate::settings::Preferences;
use crate::words::Words;
use page_model::{ChangeObstacle, Unanswered};

pub fn unanswered_text(reason: &Unanswered, words: &'static Words) -> String {
    match reason {
        Unanswered::NotConnected => words.cannot_send_offline.to_owned(),
        Unanswered::ConnectionLost => words.answer_lost.to_owned(),
        Unanswered::Refused(error) => error_text(error, words),
    }
}

/// Why a control that changes something is disabled.
pub fn obstacle_text(obstacle: ChangeObstacle, words: &'static Words) -> &'static str {
    match obstacle {
        ChangeObstacle::NotConnected => words.cannot_send_offline,
        ChangeObstacle::ReadOnly => words.cannot_send_read_only,
        ChangeObstacle::KafkaDown => words.empty_no_broker,
        ChangeObstacle::DemoBroker => words.cannot_change_demo,
    }
}

/// What the buttons of a view need to know: `None` while everything can be changed.
pub fn change_obstacle() -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (desk, prefs): (_, Preferences) = (super::desk(), preferences());
    move || desk.cluster(|page| page.change_obstacle()).map(|obstacle| obstacle_text(obstacle, prefs.words()))
}

/// The same for creating topics, which the demo broker can do too.
pub fn create_obstacle() -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (desk, prefs): (_, Preferences) = (super::desk(), preferences());
    move || desk.cluster(|page| page.create_obstacle()).map(|obstacle| obstacle_text(obstacle, prefs.words()))
}
