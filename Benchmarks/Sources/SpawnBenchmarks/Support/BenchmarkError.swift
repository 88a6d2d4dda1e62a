/// Why a measurement cannot go on, as one sentence for the person who runs it.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
