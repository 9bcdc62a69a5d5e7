#include "recording.h"

#include <pybind11/stl.h>
#include <sched.h>

#include <atomic>
#include <memory>
#include <vector>

#include "kernel_call.h"
#include "native_kernel.h"
#include "team.h"

namespace py = pybind11;

namespace pydl {
namespace {

// An argument that lies in an array which every replay may bring anew: `offset` bytes from its beginning for
// the first slice, `step` bytes further for each of the next.
struct Move {
    Call* call;
    int argument;
    size_t array;
    int64_t offset, step;
};

// A whole number that every replay brings anew.
struct Number {
    Call* call;
    int argument;
};

// The calls of one thread, with its own memory for what is between them.
struct Slot {
    std::vector<std::unique_ptr<Call>> calls;
    std::vector<Move> moves;
    std::atomic<bool> busy{false};
};

// Calls that are run once for each of `count` slices of a batch, which threads share.
struct Group {
    int64_t count;
    std::vector<std::unique_ptr<Slot>> slots;
};

class Recording {
  public:
    Recording(const py::list& groups, const py::list& arrays, const py::list& moves, const py::list& numbers)
        : kept_(groups), arrays_(arrays.size()) {
        for (size_t i = 0; i < arrays_.size(); ++i) {
            arrays_[i] = describe_array(py::object(arrays[i]).ptr());
            if (!arrays_[i].is_compact) throw py::value_error("Recording: arrays must be C-contiguous");
        }
        for (const py::handle entry : groups) {
            const auto pair = py::cast<py::tuple>(entry);
            groups_.push_back({py::cast<int64_t>(pair[0]), {}});
            for (const py::handle slot : py::cast<py::list>(pair[1])) {
                groups_.back().slots.push_back(std::make_unique<Slot>());
                for (const py::handle call : py::cast<py::list>(slot))
                    add(*groups_.back().slots.back(), call);
            }
            if (groups_.back().slots.empty()) throw py::value_error("Recording: a group without calls");
        }
        for (const py::handle entry : moves) {
            const auto move = py::cast<std::vector<int64_t>>(entry);
            if (move.size() != 6) throw py::value_error("Recording: a move must be six integers");
            Group& group = groups_.at(move[0]);
            Slot& slot = *group.slots.at(move[1]);
            add_move(slot, {slot.calls.at(move[2]).get(), int(move[3]), size_t(move[4]), 0, move[5]},
                     group.count);
        }
        for (const py::handle entry : numbers) {
            const auto place = py::cast<std::vector<int64_t>>(entry);
            if (place.size() != 4) throw py::value_error("Recording: a number must be four integers");
            Call* call = groups_.at(place[0]).slots.at(place[1])->calls.at(place[2]).get();
            call->check_integer(int(place[3]));
            numbers_.push_back({call, int(place[3])});
        }
    }

    // The index of the first of the given arrays, which take the place of the first ones recorded, that is
    // not like it; then nothing was run. Else -1. Not from two threads at once: pydl/recording/replay.py sees
    // to that.
    int replay(const py::tuple& given, const py::tuple& numbers) {
        if (numbers.size() != numbers_.size())
            throw py::value_error("Recording: too many or too few numbers");
        if (given.size() > arrays_.size()) throw py::value_error("Recording: too many arrays");
        for (size_t i = 0; i < given.size(); ++i) {
            const ArrayDescription array = describe_array(PyTuple_GET_ITEM(given.ptr(), i));
            if (!array.is_compact || array.type != arrays_[i].type || array.bytes != arrays_[i].bytes)
                return int(i);
            arrays_[i].data = array.data;
        }
        for (size_t i = 0; i < numbers.size(); ++i)
            numbers_[i].call->set_integer(numbers_[i].argument, py::cast<int64_t>(numbers[i]));
        py::gil_scoped_release release;
        for (Group& group : groups_) run(group);
        return -1;
    }

    size_t size() const {
        size_t count = 0;
        for (const Group& group : groups_) count += group.slots[0]->calls.size();
        return count;
    }

  private:
    static void add(Slot& slot, const py::handle entry) {
        const auto pair = py::cast<py::tuple>(entry);
        if (pair.size() != 2 || !is_native_kernel(pair[0]) || !py::isinstance<py::tuple>(pair[1]))
            throw py::type_error("Recording: calls must be a list of (native kernel, tuple of arguments)");
        const auto self = reinterpret_cast<NativeKernel*>(pair[0].ptr());
        PyObject* arguments = pair[1].ptr();
        if (PyTuple_GET_SIZE(arguments) != self->kernel.count)
            throw py::type_error(std::string("Recording: wrong number of arguments for ") +
                                 self->kernel.signature);
        PyObject* const* first = &PyTuple_GET_ITEM(arguments, 0);
        slot.calls.push_back(std::make_unique<Call>(self));
        slot.calls.back()->unpack(first);
    }

    // Refuses an argument that does not lie in the array in every slice.
    void add_move(Slot& slot, Move move, int64_t count) {
        const auto [first, last] = move.call->extent(move.argument);
        const ArrayDescription& array = arrays_.at(move.array);
        move.offset = move.call->address(move.argument) - array.data;
        const int64_t moved = (count - 1) * move.step;
        if (count < 1 || move.step < 0 || move.offset + first < 0 || move.offset + last + moved > array.bytes)
            throw py::value_error("Recording: an argument does not lie in the array it is said to");
        slot.moves.push_back(move);
    }

    void run(Group& group) {
        const Loop loop{this, &group};
        if (group.count == 1 || !run_in_team(group.count, run_slices, &loop))
            return run_slices(*group.slots[0], 0, group.count);
        if (loop.failed) throw std::bad_alloc();
    }

    void run_slices(Slot& slot, int64_t begin, int64_t end) const {
        for (int64_t slice = begin; slice < end; ++slice) {
            for (const Move& move : slot.moves)
                move.call->place(move.argument, arrays_[move.array].data + move.offset + slice * move.step);
            for (const auto& call : slot.calls) call->run();
        }
    }

    struct Loop {
        const Recording* recording;
        Group* group;
        mutable std::atomic<bool> failed{false};
        Loop(const Recording* recording, Group* group) : recording(recording), group(group) {}
    };

    static void run_slices(const void* pointer, int64_t begin, int64_t end) {
        const auto loop = static_cast<const Loop*>(pointer);
        Slot* slot = nullptr;
        for (size_t i = 0; slot == nullptr; i = (i + 1) % loop->group->slots.size()) {
            if (!loop->group->slots[i]->busy.exchange(true)) slot = loop->group->slots[i].get();
            // More threads than there were when this was recorded wait for those that came first.
            if (slot == nullptr && i + 1 == loop->group->slots.size()) sched_yield();
        }
        try {
            loop->recording->run_slices(*slot, begin, end);
        } catch (...) {
            loop->failed = true;
        }
        slot->busy = false;
    }

    py::list kept_;  // the arrays: their memory must not go while there is a pointer to it
    std::vector<ArrayDescription> arrays_;
    std::vector<Group> groups_;
    std::vector<Number> numbers_;
};

}  // namespace

void add_recording_type(py::module_& module) {
    py::class_<Recording>(module, "Recording")
        .def(py::init<const py::list&, const py::list&, const py::list&, const py::list&>(),
             py::arg("groups"), py::arg("arrays"), py::arg("moves"), py::arg("numbers") = py::list())
        .def("replay", &Recording::replay, py::arg("arrays"), py::arg("numbers") = py::tuple(),
             "runs all calls in order, with these arrays in the place of the first ones, and these numbers")
        .def("__len__", &Recording::size);
}

}  // namespace pydl
