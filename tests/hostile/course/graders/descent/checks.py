from reference import descend, gradient_step, linear

from assay.checks import *

step_values = agrees_with(gradient_step, points=3.5)
step_inputs = leaves_inputs_alone(gradient_step, points=0.5, after=step_values)

descend_values = agrees_with(descend, points=2)


@check("descend asks for one gradient a step", points=1, task="descend", after=descend_values)
@given(inputs_of(descend))
def descend_asks(student, arguments):
    grad = arguments["grad"]
    student.descend(*arguments.values())
    assert len(grad.asked) == arguments["steps"], f"asked for {len(grad.asked)} gradients"


@check("linear(w) gives the function x -> w . x", points=3, task="linear")
@given(inputs_of(linear), st.integers(0, 99))
def linear_values(student, arguments, seed):
    x = np.random.default_rng(seed).standard_normal(arguments["w"].shape).round(2)
    function = student.linear(arguments["w"])
    assert_close(function(x), linear(arguments["w"])(x))
