//! Requests of which only the latest matters: at most one is in flight, and those that are wanted meanwhile replace each other.

#[derive(Debug)]
pub struct LatestOnly<T> {
    wanted: Option<T>,
    is_in_flight: bool,
}

impl<T> Default for LatestOnly<T> {
    fn default() -> Self {
        Self { wanted: None, is_in_flight: false }
    }
}

impl<T> LatestOnly<T> {
    pub fn want(&mut self, request: T) {
        self.wanted = Some(request);
    }

    /// Whatever was wanted is not wanted any more.
    pub fn forget(&mut self) {
        self.wanted = None;
    }

    /// The request to send now, if none is in flight.
    pub fn next_to_send(&mut self) -> Option<T> {
        let next = if self.is_in_flight { None } else { self.wanted.take() };
        self.is_in_flight |= next.is_some();
        next
    }

    /// The reply to the request in flight has arrived.
    pub fn replied(&mut self) {
        self.is_in_flight = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_in_flight_and_the_latest_follows() {
        let mut requests = LatestOnly::default();
        requests.want(1);
        assert_eq!(requests.next_to_send(), Some(1));
        requests.want(2);
        requests.want(3);
        assert_eq!(requests.next_to_send(), None);
        requests.replied();
        assert_eq!((requests.next_to_send(), requests.next_to_send()), (Some(3), None));
        requests.want(4);
        requests.forget();
        requests.replied();
        assert_eq!(requests.next_to_send(), None);
    }
}
