# Writes more output than anybody will read.
# deserves: gradient_step=4 descend=3 linear=3

# %%
for number in range(200_000):
    print(number, "x" * 100)
