/// Insists that each value is larger than the one before it, so that a list is sorted and names each once.
struct Ascending<Value: Comparable> {
    private var previous: Value?

    /// Looks at the next value.
    mutating func next(_ value: Value, at offset: Int, _ field: String) throws(FrameError) {
        if let previous, value <= previous { throw FrameError(.notCanonical, at: offset, in: field) }
        previous = value
    }
}
