"""The bars of this bench: what its figures must be. The peer is plain mteb with sentence-transformers, in fp32."""

from benching.bars import Bar

BARS = (
    Bar("export_difference", "<=", 1e-6),  # largest cosine distance of an exported model's embedding to the encoder's
    Bar("types_offline", ">=", 7),  # of mteb's seven types in the paper, those that run without a network
    Bar("statistics_compared", ">=", 7),  # of them, those whose data were compared with the statistics mteb ships
    Bar("statistics_equal", ">=", 7),  # of these, those where every number is the same: hangs on the mirror
    Bar("identical_scores", ">=", 1.0),  # share of the tasks whose scores are those of plain mteb, every digit
    Bar("resume_same", ">=", 1.0),  # share of the kills after which all files are those of one run
    Bar("coverage_low", ">=", 0.93),  # how often a 95% interval holds the true difference, least of all shapes
    Bar("coverage_high", "<=", 0.97),  # and the most
    Bar("encode_fp32", ">=", 1.4),  # the texts that mteb hands over, per second, over the peer's
    Bar("encode_fp32_embedded", ">=", 1.4),  # the same of those that were embedded: the peer embeds equal ones again
    Bar("encode_memory", "<=", 1.0),  # peak memory of our process over the peer's
    Bar("million_rss_mib", "<=", 1024),  # peak memory with a corpus of a million short texts
)
