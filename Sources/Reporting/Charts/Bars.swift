/// Bars that stretch with the page: text never scales, only the bars do.
enum Bars {
  /// A bar from the left, as a share of the width.
  static func share(_ share: Double, title: String) -> Markup {
    let width = min(max(share, 0), 1) * 100
    return .element(
      "svg", ["class": "bar", "role": "img", "aria-label": title, "height": "12"],
      children: [
        .shape(
          "rect", ["class": "fill a", "width": "\(place(width))%", "height": "12", "rx": "2"])
      ])
  }

  /// Left to the left of the middle and entered to the right, both on one scale.
  static func balance(entered: Int, left: Int, greatest: Int, title: String) -> Markup {
    let scale = 50 / Double(max(greatest, 1))
    let out = Double(left) * scale
    let into = Double(entered) * scale
    return .element(
      "svg", ["class": "bar", "role": "img", "aria-label": title, "height": "12"],
      children: [
        .shape(
          "rect",
          [
            "class": "fill b", "x": "\(place(50 - out))%", "width": "\(place(out))%",
            "height": "12",
          ]),
        .shape(
          "rect", ["class": "fill a", "x": "50%", "width": "\(place(into))%", "height": "12"]),
        .shape(
          "line", ["class": "axis", "x1": "50%", "x2": "50%", "y1": "0", "y2": "12"]),
      ])
  }

  /// The attempts of a task on the run's time line; failed ones in the other colour.
  static func attempts(_ task: TaskFacts, on timeline: Timeline) -> Markup {
    let spans = task.attempts.map { attempt -> Markup in
      let (from, to) = timeline.span(of: attempt)
      // A task of a few milliseconds stays visible.
      let width = max((to - from) * 100, 0.6)
      let start = min(from * 100, 100 - width)
      return .shape(
        "rect",
        [
          "class": attempt.state.isFailure ? "fill b" : "fill a", "x": "\(place(start))%",
          "width": "\(place(width))%", "height": "14", "rx": "2",
        ])
    }
    let title = "\(task.name): " + (task.seconds.map(Figures.duration) ?? task.state.title)
    return .element(
      "svg", ["class": "bar", "role": "img", "aria-label": title, "height": "14"],
      children: [.shape("rect", ["class": "track", "width": "100%", "height": "14", "rx": "2"])]
        + spans)
  }
}
