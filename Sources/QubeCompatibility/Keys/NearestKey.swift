extension ConfigurationKeys {
    /// Returns the known key nearest to an unknown one, or `nil` when none is near.
    ///
    /// Case, hyphens and underscores do not count. Beyond that, a key is near when at most a third of the longer
    /// name's letters, and in any case two, have to be typed otherwise. A key that has words left out, shortened or
    /// added (`proxy_mode`, `min_uid`) is near as well, though less. A near key that decides whom jobs run as goes before
    /// all others, because passing over a misspelt one of them does more harm than stopping in vain. So does what other
    /// programs call it (``KeySynonym``).
    ///
    /// - Parameter name: A key that is not known.
    /// - Returns: The key that may have been meant.
    static func guess(_ name: String) -> ConfigurationKey? {
        let folded = fold(name)
        var best = Int.max
        var nearest: [ConfigurationKey] = []
        var related: [ConfigurationKey] = []
        let words = words(of: name)
        for (key, other, knownWords) in prepared {
            if sharesWords(words, knownWords) { related.append(key) }
            let limit = min(best, max(2, max(folded.count, other.count) / 3))
            guard abs(folded.count - other.count) <= limit else { continue }
            guard let distance = editDistance(folded, other, limit: limit) else { continue }
            if distance < best {
                best = distance
                nearest = []
            }
            nearest.append(key)
        }
        if !nearest.contains(where: \.decidesIdentity), let meant = KeySynonym.key(for: name).flatMap({ all[$0] }) {
            return meant
        }
        for keys in [nearest.filter(\.decidesIdentity), related.filter(\.decidesIdentity), nearest, related] {
            if let key = keys.min(by: { $0.name < $1.name }) { return key }
        }
        return nil
    }

    private static let prepared = all.values.map { (key: $0, folded: fold($0.name), words: words(of: $0.name)) }

    /// Whether one name has all the words of the other, where three letters or more may stand for a word they begin.
    ///
    /// A single word says too little to be found in a longer name.
    private static func sharesWords(_ unknownWords: [Substring], _ knownWords: [Substring]) -> Bool {
        guard !unknownWords.isEmpty else { return false }
        if unknownWords.allSatisfy({ word in knownWords.contains { begins($0, with: word) } }) { return true }
        return knownWords.count > 1
            && knownWords.allSatisfy { word in unknownWords.contains { begins(word, with: $0) } }
    }

    private static func words(of name: String) -> [Substring] {
        name.lowercased().split { $0 == "_" || $0 == "-" || $0 == "." }
    }

    private static func begins(_ word: Substring, with start: Substring) -> Bool {
        word == start || (start.utf8.count >= 3 && word.hasPrefix(start))
    }

    private static func fold(_ name: String) -> [UInt8] {
        name.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
    }

    /// How many letters have to be inserted, left out, replaced or swapped with their neighbour to make one name of
    /// the other (optimal string alignment), or `nil` when it is more than `limit`.
    static func editDistance(_ left: [UInt8], _ right: [UInt8], limit: Int) -> Int? {
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                var distance = min(
                    previous[column] + (left[row] == right[column] ? 0 : 1),
                    previous[column + 1] + 1,
                    current[column] + 1
                )
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    distance = min(distance, beforePrevious[column - 1] + 1)
                }
                current.append(distance)
            }
            // Two rows, because a swap reaches over one of them.
            guard min(current.min() ?? 0, previous.min() ?? 0) <= limit else { return nil }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count] <= limit ? previous[right.count] : nil
    }
}
