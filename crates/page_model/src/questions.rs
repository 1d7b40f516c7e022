//! What components ask of the bridge: questions with one answer, and views whose news come by themselves until they are
//! left. Knows which answer belongs to whom; what is asked and what is made of the answers is the component's.

use std::collections::BTreeMap;

use protocol::{ClientMessage, ErrorBody, RequestId, ServerMessage, Unwatch};

use super::page::Page;

/// Who asked, or who looks.
pub type Asker = u64;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Unanswered {
    /// It was never sent.
    NotConnected,
    /// It was sent. A change may have been made all the same.
    ConnectionLost,
    /// In the words of the bridge, or of Kafka.
    Refused(ErrorBody),
}

/// What a live view tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The next push is complete: what was known before goes.
    Begins,
    Pushed(ServerMessage),
    /// The bridge does not show this.
    Refused(ErrorBody),
    /// The connection is gone; the view begins again by itself when it is back.
    Lost,
}

/// What is to be handed to a component.
#[derive(Debug)]
pub enum Delivery {
    Answer(Asker, Result<ServerMessage, Unanswered>),
    News(Asker, News),
}

/// `Waiting` (for a connection) → `Asked` → `Open`; `Left` is one that was left before the bridge had given its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Asked(RequestId),
    Left(RequestId),
    Open(u32),
}

#[derive(Debug)]
struct Look {
    request: ClientMessage,
    stage: Stage,
}

#[derive(Debug, Default)]
pub struct Questions {
    next_asker: Asker,
    asked: BTreeMap<RequestId, Asker>,
    looks: BTreeMap<Asker, Look>,
    deliveries: Vec<Delivery>,
}

impl Questions {
    pub fn take_deliveries(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries)
    }

    pub fn new_asker(&mut self) -> Asker {
        self.next_asker += 1;
        self.next_asker
    }

    /// The question left as this request.
    pub fn asked(&mut self, asker: Asker, request: RequestId) {
        self.asked.insert(request, asker);
    }

    pub fn not_asked(&mut self, asker: Asker) {
        self.deliveries.push(Delivery::Answer(asker, Err(Unanswered::NotConnected)));
    }

    /// Says whether the answer belongs to a question; then it is delivered.
    pub fn answered(&mut self, id: Option<RequestId>, answer: ServerMessage) -> bool {
        let Some(asker) = id.and_then(|id| self.asked.remove(&id)) else { return false };
        self.deliveries.push(Delivery::Answer(asker, Ok(answer)));
        true
    }

    /// Says whether the refusal belongs to a question or to a view.
    pub fn refused(&mut self, id: Option<RequestId>, error: &ErrorBody) -> bool {
        let Some(id) = id else { return false };
        if let Some(asker) = self.asked.remove(&id) {
            self.deliveries.push(Delivery::Answer(asker, Err(Unanswered::Refused(error.clone()))));
            return true;
        }
        let awaited =
            |(_, look): &(&Asker, &Look)| matches!(look.stage, Stage::Asked(of) | Stage::Left(of) if of == id);
        let Some(asker) = self.looks.iter().find(awaited).map(|(&asker, _)| asker) else { return false };
        if self.looks.remove(&asker).is_some_and(|look| look.stage == Stage::Asked(id)) {
            self.deliveries.push(Delivery::News(asker, News::Refused(error.clone())));
        }
        true
    }

    // Live views.

    pub fn look(&mut self, asker: Asker, request: ClientMessage) {
        self.looks.insert(asker, Look { request, stage: Stage::Waiting });
    }

    /// What is to be asked for now that there is a connection.
    pub fn waiting(&self) -> Vec<(Asker, ClientMessage)> {
        let waiting = self.looks.iter().filter(|(_, look)| look.stage == Stage::Waiting);
        waiting.map(|(&asker, look)| (asker, look.request.clone())).collect()
    }

    pub fn look_asked(&mut self, asker: Asker, request: RequestId) {
        if let Some(look) = self.looks.get_mut(&asker) {
            look.stage = Stage::Asked(request);
        }
    }

    /// The bridge has given a view its number. The number comes back where nobody wants the view any more.
    pub fn look_opened(&mut self, id: Option<RequestId>, number: u32) -> Option<u32> {
        let awaited = |(_, look): &(&Asker, &mut Look)| matches!(look.stage, Stage::Asked(of) | Stage::Left(of) if Some(of) == id);
        let Some((&asker, look)) = self.looks.iter_mut().find(awaited) else { return Some(number) };
        if matches!(look.stage, Stage::Left(_)) {
            self.looks.remove(&asker);
            return Some(number);
        }
        look.stage = Stage::Open(number);
        self.deliveries.push(Delivery::News(asker, News::Begins));
        None
    }

    pub fn pushed(&mut self, number: u32, news: ServerMessage) {
        if let Some((&asker, _)) = self.looks.iter().find(|(_, look)| look.stage == Stage::Open(number)) {
            self.deliveries.push(Delivery::News(asker, News::Pushed(news)));
        }
    }

    /// Nobody looks any more. The number of the view to end, where it has one.
    pub fn leave(&mut self, asker: Asker) -> Option<u32> {
        match self.looks.get_mut(&asker)?.stage {
            Stage::Open(number) => {
                self.looks.remove(&asker);
                Some(number)
            }
            Stage::Asked(request) => {
                self.looks.get_mut(&asker)?.stage = Stage::Left(request);
                None
            }
            Stage::Waiting | Stage::Left(_) => {
                self.looks.remove(&asker);
                None
            }
        }
    }

    /// A socket's questions and views end with it.
    pub fn socket_lost(&mut self) {
        for asker in std::mem::take(&mut self.asked).into_values() {
            self.deliveries.push(Delivery::Answer(asker, Err(Unanswered::ConnectionLost)));
        }
        self.looks.retain(|_, look| !matches!(look.stage, Stage::Left(_)));
        for (&asker, look) in &mut self.looks {
            if look.stage != Stage::Waiting {
                look.stage = Stage::Waiting;
                self.deliveries.push(Delivery::News(asker, News::Lost));
            }
        }
    }
}

impl Page {
    pub fn take_deliveries(&mut self) -> Vec<Delivery> {
        self.questions.take_deliveries()
    }

    /// The answer is delivered to the asker; without a connection that is the answer.
    pub fn ask(&mut self, request: ClientMessage) -> Asker {
        let asker = self.questions.new_asker();
        if self.link.is_open() {
            let request = self.request(request);
            self.questions.asked(asker, request);
        } else {
            self.questions.not_asked(asker);
        }
        asker
    }

    /// Looks at what a `watch_…` names, after each reconnect anew, until it is left.
    pub fn look(&mut self, request: ClientMessage) -> Asker {
        let asker = self.questions.new_asker();
        self.questions.look(asker, request);
        self.ask_for_looks();
        asker
    }

    pub fn leave(&mut self, asker: Asker) {
        if let Some(watch) = self.questions.leave(asker) {
            self.end_look(watch);
        }
    }

    pub(super) fn end_look(&mut self, watch: u32) {
        self.request(Unwatch { watch });
    }

    pub(super) fn ask_for_looks(&mut self) {
        if !self.link.is_open() {
            return;
        }
        for (asker, request) in self.questions.waiting() {
            let request = self.request(request);
            self.questions.look_asked(asker, request);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorCode, TopicsRequest, Unwatched, WatchTopics};

    use super::*;

    fn push() -> ServerMessage {
        Unwatched { watch: 7 }.into()
    }

    fn error() -> ErrorBody {
        ErrorBody::new(ErrorCode::ReadOnly, "…")
    }

    fn looking() -> (Questions, Asker) {
        let mut questions = Questions::default();
        let asker = questions.new_asker();
        questions.look(asker, WatchTopics {}.into());
        (questions, asker)
    }

    #[test]
    fn an_answer_reaches_who_asked_once() {
        let mut questions = Questions::default();
        let (first, second) = (questions.new_asker(), questions.new_asker());
        questions.asked(first, 10);
        questions.asked(second, 11);
        assert!(questions.answered(Some(11), push()));
        assert!(!questions.answered(Some(11), push()), "the second answer is nobody's");
        assert!(!questions.answered(None, push()));
        assert!(questions.refused(Some(10), &error()));
        let delivered = questions.take_deliveries();
        assert!(matches!(&delivered[0], Delivery::Answer(asker, Ok(_)) if *asker == second), "{delivered:?}");
        assert!(matches!(&delivered[1], Delivery::Answer(asker, Err(Unanswered::Refused(_))) if *asker == first));
    }

    #[test]
    fn a_question_whose_socket_is_lost_is_answered_by_that() {
        let mut questions = Questions::default();
        let asker = questions.new_asker();
        questions.asked(asker, 3);
        questions.socket_lost();
        let delivered = questions.take_deliveries();
        assert!(matches!(delivered[..], [Delivery::Answer(_, Err(Unanswered::ConnectionLost))]), "{delivered:?}");
    }

    #[test]
    fn a_view_is_asked_for_again_after_every_loss_until_it_is_left() {
        let (mut questions, asker) = looking();
        for round in 0..3 {
            assert_eq!(questions.waiting().len(), 1);
            questions.look_asked(asker, round);
            assert!(questions.waiting().is_empty());
            assert_eq!(questions.look_opened(Some(round), 7), None);
            questions.pushed(7, push());
            questions.pushed(8, push());
            questions.socket_lost();
            let told: Vec<News> = questions
                .take_deliveries()
                .into_iter()
                .filter_map(|delivery| match delivery {
                    Delivery::News(_, news) => Some(news),
                    Delivery::Answer(..) => None,
                })
                .collect();
            assert_eq!(told, [News::Begins, News::Pushed(push()), News::Lost]);
        }
        assert_eq!(questions.leave(asker), None, "the bridge has ended it with the socket");
        assert!(questions.waiting().is_empty());
    }

    #[test]
    fn a_view_left_before_it_had_a_number_is_ended_when_it_gets_one() {
        let (mut questions, asker) = looking();
        questions.look_asked(asker, 1);
        assert_eq!(questions.leave(asker), None);
        assert_eq!(questions.look_opened(Some(1), 7), Some(7));
        assert_eq!(questions.leave(asker), None);
        questions.pushed(7, push());
        assert!(questions.take_deliveries().is_empty());
    }

    #[test]
    fn a_view_that_is_refused_is_not_asked_for_again() {
        let (mut questions, asker) = looking();
        questions.look_asked(asker, 1);
        assert!(questions.refused(Some(1), &error()));
        questions.socket_lost();
        assert!(questions.waiting().is_empty());
        assert!(matches!(questions.take_deliveries()[..], [Delivery::News(_, News::Refused(_))]));
    }

    #[test]
    fn what_is_asked_without_a_connection_is_answered_at_once() {
        let mut questions = Questions::default();
        let asker = questions.new_asker();
        let _: ClientMessage = TopicsRequest {}.into();
        questions.not_asked(asker);
        assert!(matches!(questions.take_deliveries()[..], [Delivery::Answer(_, Err(Unanswered::NotConnected))]));
    }
}
