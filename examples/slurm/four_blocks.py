"""A Parsl configuration: four jobs of Slurm with a worker each, on the cluster of ``one-node.sh``.

    crysim bench ... --executor parsl:examples/slurm/four_blocks.py

On a cluster of several machines, leave ``address`` out (Parsl finds one that nodes reach), or name the network's
interface; ``worker_init`` is where modules are loaded and an environment is activated.
"""

from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import SlurmProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            label="slurm",
            address="127.0.0.1",
            max_workers_per_node=1,
            heartbeat_period=2,  # a lost job is noticed after the threshold, and what it had is done by another one
            heartbeat_threshold=20,
            block_error_handler=False,  # jobs that are cancelled, or end with their time, are asked for again
            provider=SlurmProvider(
                partition="short",
                exclusive=False,  # several jobs on a node
                cores_per_node=1,
                init_blocks=4,
                min_blocks=0,
                max_blocks=4,
                walltime="00:30:00",
                worker_init="",
            ),
        )
    ],
    run_dir="crysim-parsl",
    retries=2,
)
