//! Messages in parts: a message whose lists do not fit into one text frame is sent as several messages of the same
//! type. Their lists, one after the other, are the lists of the whole message.

use crate::limits::TEXT_FRAME_BYTES;
use crate::{
    AddSchemaResult, Assigned, CheckSchemaResult, ClusterDetailsChanged, ClusterDetailsResult, Committed,
    DeleteSubjectResult, DescribeEncodingResult, EmptiedPartition, EmptyTopicResult, EncodeResult, EncodedValue, Frame,
    GroupChanged, GroupMember, GroupPosition, GroupResult, GroupSummary, GroupsChanged, GroupsResult, OffsetChange,
    PartitionInfo, PlanOffsetResetResult, Position, RecordsWaiting, RegistryReference, RequestId, ResetOffsetsResult,
    ResumeCommitsResult, Revoked, SchemaResult, ServerMessage, SubjectName, SubjectResult, SubjectVersion,
    SubjectsResult, TopicChanged, TopicPartition, TopicResult, TopicSetting, TopicSummary, TopicsChanged, TopicsResult,
    UnhealthyPartition, VersionOfSubject, WaitingPartition,
};

/// A list, or a message with lists, that can be sent in parts.
pub(crate) trait Parts: Sized {
    /// The number of elements, including those of lists inside elements.
    fn elements(&self) -> usize;

    /// Keeps about the first `at` elements and returns the rest.
    fn split_off(&mut self, at: usize) -> Self;

    /// Adds the next part.
    fn append(&mut self, next: Self);
}

/// An element of a list.
trait Element: Sized {
    fn elements(&self) -> usize {
        1
    }

    /// Splits the list inside this element. Both halves have the other fields.
    fn split_off(&mut self, _at: usize) -> Option<Self> {
        None
    }

    /// Adds the rest of a split element; returns any other element.
    fn append(&mut self, next: Self) -> Option<Self> {
        Some(next)
    }
}

macro_rules! plain_elements {
    ($($element:ty),* $(,)?) => {$(impl Element for $element {})*};
}

plain_elements!(
    EmptiedPartition,
    EncodedValue,
    GroupPosition,
    OffsetChange,
    PartitionInfo,
    Position,
    RegistryReference,
    String,
    SubjectName,
    SubjectVersion,
    TopicPartition,
    TopicSetting,
    TopicSummary,
    UnhealthyPartition,
    VersionOfSubject,
    WaitingPartition,
    u32,
);

macro_rules! elements_with_a_list {
    ($($element:ty: $key:ident, $list:ident;)*) => {$(
        impl Element for $element {
            fn elements(&self) -> usize {
                1 + self.$list.len()
            }

            fn split_off(&mut self, at: usize) -> Option<Self> {
                // The element itself counts as one.
                let kept = at.checked_sub(1).filter(|kept| (1..self.$list.len()).contains(kept))?;
                let rest = self.$list.split_off(kept);
                Some(Self { $list: rest, ..self.clone() })
            }

            fn append(&mut self, next: Self) -> Option<Self> {
                if self.$key != next.$key {
                    return Some(next);
                }
                self.$list.extend(next.$list);
                None
            }
        }
    )*};
}

elements_with_a_list! {
    GroupMember: member, partitions;
    GroupSummary: group, topics;
}

impl<E: Element> Parts for Vec<E> {
    fn elements(&self) -> usize {
        self.iter().map(Element::elements).sum()
    }

    fn split_off(&mut self, at: usize) -> Self {
        let mut left = at;
        for index in 0..self.len() {
            let elements = self[index].elements();
            if elements > left {
                let half = self[index].split_off(left);
                let mut rest = Vec::split_off(self, index + usize::from(half.is_some()));
                rest.splice(0..0, half);
                return rest;
            }
            left -= elements;
        }
        Vec::new()
    }

    fn append(&mut self, next: Self) {
        let mut next = next.into_iter();
        let first = match (self.last_mut(), next.next()) {
            (Some(last), Some(first)) => last.append(first),
            (_, first) => first,
        };
        self.extend(first);
        self.extend(next);
    }
}

/// A list that a message may leave out.
impl<L: Parts> Parts for Option<L> {
    fn elements(&self) -> usize {
        self.as_ref().map_or(0, Parts::elements)
    }

    fn split_off(&mut self, at: usize) -> Self {
        self.as_mut().map(|list| list.split_off(at)).filter(|rest| rest.elements() > 0)
    }

    fn append(&mut self, next: Self) {
        match (self.as_mut(), next) {
            (Some(list), Some(next)) => list.append(next),
            (None, next) => *self = next,
            (Some(_), None) => {}
        }
    }
}

macro_rules! messages_in_parts {
    ($($message:ident: $($($list:ident).+),+;)*) => {
        $(impl Parts for $message {
            fn elements(&self) -> usize {
                0 $(+ Parts::elements(&self.$($list).+))+
            }

            fn split_off(&mut self, at: usize) -> Self {
                let mut rest = self.clone();
                let mut left = at;
                $(
                    let kept = left.min(Parts::elements(&self.$($list).+));
                    rest.$($list).+ = Parts::split_off(&mut self.$($list).+, kept);
                    left -= kept;
                )+
                let _ = left;
                rest
            }

            fn append(&mut self, next: Self) {
                $(Parts::append(&mut self.$($list).+, next.$($list).+);)+
            }
        })*

        impl ServerMessage {
            /// Splits the lists of the message into halves. `None` if it has no list that can be split.
            fn split_off_half(&mut self) -> Option<Self> {
                match self {
                    $(Self::$message(message) => split_off_half(message).map(Self::$message),)*
                    _ => None,
                }
            }

            /// Adds the next part of the same message.
            pub fn append(&mut self, next: Self) {
                match (self, next) {
                    $((Self::$message(message), Self::$message(next)) => Parts::append(message, next),)*
                    _ => {}
                }
            }
        }
    };
}

messages_in_parts! {
    Assigned: partitions;
    Revoked: partitions;
    Committed: positions;
    RecordsWaiting: partitions;
    ResumeCommitsResult: partitions;
    TopicsResult: topics;
    TopicResult: partitions, settings;
    EmptyTopicResult: partitions;
    GroupsResult: groups;
    GroupResult: members, positions;
    PlanOffsetResetResult: plan.changes, plan.forget;
    ResetOffsetsResult: positions, undo.changes, undo.forget;
    ClusterDetailsResult: details.troubled;
    SubjectsResult: subjects;
    SubjectResult: versions;
    SchemaResult: references, referenced_by;
    CheckSchemaResult: reasons;
    DeleteSubjectResult: versions;
    AddSchemaResult: messages;
    DescribeEncodingResult: messages;
    EncodeResult: values;
    ClusterDetailsChanged: details.troubled;
    TopicsChanged: topics, removed;
    TopicChanged: partitions;
    GroupsChanged: groups, removed;
    GroupChanged: members, positions, removed;
}

fn split_off_half<M: Parts>(message: &mut M) -> Option<M> {
    let elements = message.elements();
    let rest = message.split_off(elements / 2);
    match (message.elements(), rest.elements()) {
        (_, 0) => None,
        (0, _) => {
            *message = rest;
            None
        }
        _ => Some(rest),
    }
}

impl ServerMessage {
    /// The text frames of the message: one, or several if it is larger than [`TEXT_FRAME_BYTES`] and has long lists.
    pub fn into_frames(self, id: Option<RequestId>) -> Vec<String> {
        let mut frames = Vec::with_capacity(1);
        // The parts that are left, the last one first.
        let mut left = vec![self];
        while let Some(message) = left.pop() {
            let mut frame = Frame { id, more: !left.is_empty(), message };
            let text = frame.to_json();
            let rest = if text.len() > TEXT_FRAME_BYTES { frame.message.split_off_half() } else { None };
            match rest {
                Some(rest) => left.extend([rest, frame.message]),
                None => frames.push(text),
            }
        }
        frames
    }
}
