import Columns
import Testing

@testable import Models

@Suite("Stored scores")
struct ScorePayloadTests {
  static let tables: [([Int64], [Float])] = [
    ([], []), ([0], [0.5]), ([7, 8, 1_000_000, .max], [0, 1, 0.25, .leastNonzeroMagnitude]),
    ([.min, -5, 3], [0.1, 0.2, 0.3]),
    (Array(1...3_000), (1...3_000).map { Float($0) / 3_000 }),
  ]

  @Test("what is stored is read back to the last bit", arguments: tables)
  func roundTrip(_ ids: [Int64], _ scores: [Float]) throws {
    let index = IDIndex(sorted: ids)
    let decoded = try ScorePayload.decode(ScorePayload.encode(index, scores))
    #expect(decoded.index == index && decoded.scores == scores)
  }

  @Test("damaged bytes are refused: cut anywhere, longer, another version, an absurd count")
  func damaged() {
    let bytes = ScorePayload.encode(IDIndex(sorted: [3, 900, 901]), [0.1, 0.2, 0.3])
    var broken = bytes.indices.map { Array(bytes.prefix($0)) }
    broken += [
      bytes + [0], [2] + bytes.dropFirst(), [1, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    ]
    broken.append([1, 2, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    for bytes in broken {
      let error = #expect(throws: ModelError.self) { try ScorePayload.decode(bytes) }
      #expect(error?.code == "models.damaged_scores")
    }
  }
}
