//! What a broker can do, asked of itself: the ApiVersions request. librdkafka sends it too, but keeps the features to itself.
//!
//! A hundred lines by hand: a crate of all of Kafka's messages would cost every first build more than everything else here.
//! <https://kafka.apache.org/protocol#The_Messages_ApiVersions>, features by KIP-584.

use std::io::{self, Read, Write};

/// Kafka 4.3 answers with 700 bytes. Another protocol on the port gives absurd lengths.
const MAX_RESPONSE_BYTES: u32 = 64 * 1024;

const API_VERSIONS: i16 = 18;

/// From 4 on the features are told whose lowest level is 0, which are most of them; brokers before 3.9 speak 3.
const VERSIONS: [i16; 2] = [4, 3];

/// Kafka's error for a version that the broker does not speak; what follows it has another form.
const UNSUPPORTED_VERSION: i16 = 35;

/// What a broker tells. All empty from a broker that knows no features (before Kafka 2.4, or with ZooKeeper).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiVersions {
    pub supported: Vec<FeatureLevels>,
    /// What is in force in the cluster, as far as this broker knows.
    pub finalized: Option<Finalized>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLevels {
    pub name: String,
    pub min: i16,
    pub max: i16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// Rises with every change.
    pub epoch: i64,
    pub levels: Vec<FeatureLevels>,
}

#[derive(Debug, thiserror::Error)]
pub enum ApiVersionsError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("its answer is {0} bytes long, which is not Kafka's protocol")]
    TooLong(u32),
    #[error("its answer is no answer to the request: {0}")]
    Malformed(&'static str),
    #[error("it refuses with Kafka's error {0}")]
    Refused(i16),
}

type Result<T> = std::result::Result<T, ApiVersionsError>;

/// Asks over a connection on which nothing was said yet; brokers answer this before anybody has logged in. The stream keeps
/// the deadline.
pub fn ask(stream: &mut (impl Read + Write + ?Sized)) -> Result<ApiVersions> {
    for version in VERSIONS {
        let correlation = i32::from(version);
        stream.write_all(&request(version, correlation))?;
        stream.flush()?;
        let response = read_response(stream)?;
        match parse(&response, correlation) {
            Err(ApiVersionsError::Refused(UNSUPPORTED_VERSION)) => {}
            parsed => return parsed,
        }
    }
    Ok(ApiVersions::default())
}

fn request(version: i16, correlation: i32) -> Vec<u8> {
    const CLIENT: &str = "ponte";
    const NO_TAGS: u8 = 0;
    let mut request = vec![0; size_of::<u32>()];
    request.extend(API_VERSIONS.to_be_bytes());
    request.extend(version.to_be_bytes());
    request.extend(correlation.to_be_bytes());
    // The header's string has a length of two bytes, those of the body are compact: a varint, one more than the length.
    request.extend((CLIENT.len() as i16).to_be_bytes());
    request.extend(CLIENT.bytes());
    request.push(NO_TAGS);
    for text in [CLIENT, env!("CARGO_PKG_VERSION")] {
        request.push(text.len() as u8 + 1);
        request.extend(text.bytes());
    }
    request.push(NO_TAGS);
    let length = (request.len() - size_of::<u32>()) as u32;
    request[..size_of::<u32>()].copy_from_slice(&length.to_be_bytes());
    request
}

fn read_response(stream: &mut (impl Read + ?Sized)) -> Result<Vec<u8>> {
    let mut length = [0; size_of::<u32>()];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_RESPONSE_BYTES {
        return Err(ApiVersionsError::TooLong(length));
    }
    let mut response = vec![0; length as usize];
    stream.read_exact(&mut response)?;
    Ok(response)
}

fn parse(response: &[u8], correlation: i32) -> Result<ApiVersions> {
    const SUPPORTED: u32 = 0;
    const FINALIZED_EPOCH: u32 = 1;
    const FINALIZED: u32 = 2;
    let mut rest = Fields(response);
    if rest.i32()? != correlation {
        return Err(ApiVersionsError::Malformed("another correlation id"));
    }
    // The header of this response has no tags, unlike every other one of its time.
    match rest.i16()? {
        0 => {}
        error => return Err(ApiVersionsError::Refused(error)),
    }
    rest.array(|api| {
        let _key_min_max = (api.i16()?, api.i16()?, api.i16()?);
        api.skip_tags()
    })?;
    let _throttle_ms = rest.i32()?;
    let (mut supported, mut epoch, mut levels) = (Vec::new(), -1, Vec::new());
    rest.tags(|tag, field| {
        match tag {
            SUPPORTED => {
                supported = field.array(|feature| {
                    let levels = FeatureLevels { name: feature.text()?, min: feature.i16()?, max: feature.i16()? };
                    feature.skip_tags().map(|()| levels)
                })?;
            }
            FINALIZED_EPOCH => epoch = field.i64()?,
            FINALIZED => {
                levels = field.array(|feature| {
                    // The other way round than above.
                    let (name, max, min) = (feature.text()?, feature.i16()?, feature.i16()?);
                    feature.skip_tags().map(|()| FeatureLevels { name, min, max })
                })?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(ApiVersions { supported, finalized: (epoch >= 0).then_some(Finalized { epoch, levels }) })
}

/// What is left to read of a message, or of one field of it.
struct Fields<'m>(&'m [u8]);

impl<'m> Fields<'m> {
    fn take(&mut self, bytes: usize) -> Result<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(ApiVersionsError::Malformed("it ends too soon"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn i16(&mut self) -> Result<i16> {
        self.bytes().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32> {
        self.bytes().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64> {
        self.bytes().map(i64::from_be_bytes)
    }

    /// Seven bits a byte, the lowest first.
    fn varint(&mut self) -> Result<u32> {
        let mut value = 0;
        for shift in (0..32).step_by(7) {
            let [byte] = self.bytes()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| ApiVersionsError::Malformed("a number is too large"));
            }
        }
        Err(ApiVersionsError::Malformed("a number does not end"))
    }

    /// Compact: the length is one less than what is written, and there is no null here.
    fn length(&mut self) -> Result<usize> {
        let length = self.varint()?.checked_sub(1).ok_or(ApiVersionsError::Malformed("a field is null"))?;
        Ok(length as usize)
    }

    fn text(&mut self) -> Result<String> {
        let length = self.length()?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(str::to_owned).map_err(|_| ApiVersionsError::Malformed("a name is not UTF-8"))
    }

    /// Nothing is allocated for what a length only promises: every element takes bytes that are there.
    fn array<T>(&mut self, element: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let length = self.length()?;
        let mut elements = Vec::new();
        for _ in 0..length {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    fn tags(&mut self, mut field: impl FnMut(u32, &mut Self) -> Result<()>) -> Result<()> {
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let length = self.varint()? as usize;
            field(tag, &mut Fields(self.take(length)?))?;
        }
        Ok(())
    }

    fn skip_tags(&mut self) -> Result<()> {
        self.tags(|_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// A broker that has its answers ready.
    #[derive(Default)]
    struct Broker {
        answers: VecDeque<u8>,
        asked: Vec<u8>,
    }

    impl Broker {
        fn answering(answers: &[Vec<u8>]) -> Self {
            let framed = answers.iter().flat_map(|answer| [&(answer.len() as u32).to_be_bytes(), &**answer].concat());
            Self { answers: framed.collect(), asked: Vec::new() }
        }
    }

    impl Read for Broker {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.answers.read(into)
        }
    }

    impl Write for Broker {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.asked.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn text(name: &str) -> Vec<u8> {
        [&[name.len() as u8 + 1], name.as_bytes()].concat()
    }

    fn tag(number: u8, field: &[u8]) -> Vec<u8> {
        [&[number, field.len() as u8], field].concat()
    }

    /// One API, one feature at 7 to 30, 29 of it in force at epoch 5, and a tag that nobody knows.
    fn answer(correlation: i32) -> Vec<u8> {
        let one_api: &[u8] = &[2, 0, 18, 0, 0, 0, 4, 0];
        let throttle: &[u8] = &[0; 4];
        let tags = [
            tag(0, &[&[2], &*text("metadata.version"), &[0, 7, 0, 30, 0]].concat()),
            tag(1, &5_i64.to_be_bytes()),
            tag(2, &[&[2], &*text("metadata.version"), &[0, 29, 0, 29, 0]].concat()),
            tag(9, b"new"),
        ];
        [&correlation.to_be_bytes()[..], &[0, 0], one_api, throttle, &[4], &*tags.concat()].concat()
    }

    fn expected() -> ApiVersions {
        let level = |min, max| FeatureLevels { name: "metadata.version".to_owned(), min, max };
        ApiVersions {
            supported: vec![level(7, 30)],
            finalized: Some(Finalized { epoch: 5, levels: vec![level(29, 29)] }),
        }
    }

    #[test]
    fn features_are_read() {
        let mut broker = Broker::answering(&[answer(4)]);
        assert_eq!(ask(&mut broker).expect("an answer"), expected());
        assert_eq!(&broker.asked[4..8], [0, 18, 0, 4], "ApiVersions, version 4");
        assert_eq!(broker.asked.len(), 4 + usize::from(broker.asked[3]));
    }

    #[test]
    fn an_older_broker_is_asked_in_its_own_words() {
        let unsupported = |correlation: i32| [&correlation.to_be_bytes(), &[0, 35][..], &[0; 4]].concat();
        let mut broker = Broker::answering(&[unsupported(4), answer(3)]);
        assert_eq!(ask(&mut broker).expect("an answer"), expected());
        let mut ancient = Broker::answering(&[unsupported(4), unsupported(3)]);
        assert_eq!(ask(&mut ancient).expect("an answer"), ApiVersions::default());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        use ApiVersionsError::{Io, Malformed, Refused, TooLong};
        let failure = |answer: Vec<u8>| ask(&mut Broker::answering(&[answer])).expect_err("no answer");
        assert!(matches!(failure(answer(7)), Malformed("another correlation id")));
        assert!(matches!(failure([&4_i32.to_be_bytes()[..], &[0, 41]].concat()), Refused(41)));
        let mut web_server = Broker { answers: b"HTTP/1.1 400 Bad Request".to_vec().into(), asked: Vec::new() };
        assert!(matches!(ask(&mut web_server), Err(TooLong(_))));
        assert!(matches!(ask(&mut Broker::default()), Err(Io(_))));
        let whole = answer(4);
        for length in 0..whole.len() {
            assert!(matches!(failure(whole[..length].to_vec()), Malformed(_)), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_bridge(mut bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = parse(&bytes, 4);
            bytes.splice(..0, [0, 0, 0, 4, 0, 0]);
            let _ = parse(&bytes, 4);
            let mut whole = answer(4);
            let at = at.index(whole.len());
            whole[at] = byte;
            let _ = parse(&whole, 4);
        }
    }
}
