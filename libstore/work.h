// Work that would hold the loop for longer than other sessions may wait: a step at a time, everybody else in between.
// What was true in one step may not be in the next: each looks up again what it uses.
#pragma once

namespace postern::store {

class Work {
  public:
    virtual ~Work() = default;
    virtual bool step() = 0;            // false: it is over
};

} // namespace postern::store
