//! Reads a CSV text row by row, into buffers that grow with the longest row.

pub struct CsvRow {
    reader: csv_core::Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
    /// The number of fields of the row that was read last.
    fields: usize,
}

impl CsvRow {
    pub fn new(delimiter: u8) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self { reader, output: vec![0; 1024], ends: vec![0; 16], fields: 0 }
    }

    /// Reads a row from the beginning of the text; returns the number of bytes, and of fields if there was a row.
    pub fn read(&mut self, text: &[u8]) -> (usize, Option<usize>) {
        let (mut at, mut written, mut ended) = (0, 0, 0);
        loop {
            let Self { reader, output, ends, .. } = self;
            let (result, read, more, more_ends) =
                reader.read_record(&text[at..], &mut output[written..], &mut ends[ended..]);
            at += read;
            written += more;
            ended += more_ends;
            match result {
                csv_core::ReadRecordResult::OutputFull => output.resize(output.len() * 2, 0),
                csv_core::ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::Record => {
                    self.fields = ended;
                    return (at, Some(ended));
                }
                csv_core::ReadRecordResult::End => return (at, None),
            }
        }
    }

    /// The cells of the row that was read last.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        let ends = &self.ends[..self.fields];
        let starts = std::iter::once(0).chain(ends.iter().copied());
        // Fields are cut from valid UTF-8 at character boundaries.
        starts.zip(ends).map(|(start, end)| std::str::from_utf8(&self.output[start..*end]).unwrap_or_default())
    }
}
