"""Attacks state their papers in one place, which citations are read from."""

import pytest

from attacks.noise import Noise
from attacks.registry import ATTACKS
from attacks.sources import Paper, papers_in, papers_of


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_but_noise_names_its_paper(name: str) -> None:
    papers = papers_of(ATTACKS[name])
    assert bool(papers) == (ATTACKS[name] is not Noise)
    for paper in papers:
        assert paper.title and 2000 < paper.year < 2100
        assert paper.arxiv or paper.authors == "Sharif et al."
        assert not paper.arxiv or abs(int(paper.arxiv[:2]) + 2000 - paper.year) <= 3


def test_authors_year_title_and_number_are_read() -> None:
    found = papers_in(
        """Words.

        Source: AutoAttack, Croce & Hein 2020, "Reliable evaluation of
        attacks", arXiv 2003.01690, section 5; for L1 Moosavi-Dezfooli et al. 2021, arXiv
        2103.01208. Here FMN takes the place of FAB.

        Attributes:
            steps: of 2010.
        """
    )
    assert found == [
        Paper("Croce & Hein", 2020, "Reliable evaluation of attacks", "2003.01690"),
        Paper("Moosavi-Dezfooli et al.", 2021, "", "2103.01208"),
    ]
    assert papers_in("No source.") == papers_in(None) == []


def test_an_attack_also_names_the_papers_of_those_it_derives_from() -> None:
    assert [paper.authors for paper in papers_of(ATTACKS["pgd_glasses"])] == [
        "Sharif et al.",
        "Madry et al.",
    ]
    targeted = papers_of(ATTACKS["apgd_t"])
    assert [paper.year for paper in targeted] == [2020, 2021]
