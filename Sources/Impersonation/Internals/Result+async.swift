extension Result where Success: ~Copyable {
    /// Catches what an asynchronous closure throws.
    ///
    /// - Parameter body: The closure.
    init(_ body: () async throws(Failure) -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
