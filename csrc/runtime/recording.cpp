#include "recording.h"

#include <memory>
#include <vector>

#include "kernel_call.h"
#include "native_kernel.h"

namespace py = pybind11;

namespace pydl {
namespace {

class Recording {
  public:
    explicit Recording(const py::list& calls) : kept_(calls) {
        for (const py::handle entry : calls) {
            const auto pair = py::cast<py::tuple>(entry);
            if (pair.size() != 2 || !is_native_kernel(pair[0]) || !py::isinstance<py::tuple>(pair[1]))
                throw py::type_error(
                    "Recording: calls must be a list of (native kernel, tuple of arguments)");
            add(reinterpret_cast<NativeKernel*>(pair[0].ptr()), pair[1].ptr());
        }
    }

    // Not from two threads at once: they would write into the same arrays. pydl/recording.py sees to that.
    void replay() {
        py::gil_scoped_release release;
        for (const auto& call : calls_) call->run();
    }

    size_t size() const { return calls_.size(); }

  private:
    void add(NativeKernel* kernel, PyObject* arguments) {
        if (PyTuple_GET_SIZE(arguments) != kernel->float32->count)
            throw py::type_error(std::string("Recording: wrong number of arguments for ") +
                                 kernel->float32->name);
        PyObject* const* first = &PyTuple_GET_ITEM(arguments, 0);
        calls_.push_back(std::make_unique<Call>(kernel, choose(kernel, first)));
        calls_.back()->unpack(first);
    }

    py::tuple kept_;  // the arrays: their memory must not go while there is a pointer to it
    std::vector<std::unique_ptr<Call>> calls_;
};

}  // namespace

void add_recording_type(py::module_& module) {
    py::class_<Recording>(module, "Recording")
        .def(py::init<const py::list&>(), py::arg("calls"))
        .def("replay", &Recording::replay, "runs all calls in order")
        .def("__len__", &Recording::size);
}

}  // namespace pydl
